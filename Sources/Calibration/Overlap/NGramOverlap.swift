import JSONText

/// How much of an evaluation text also stands in the calibration text.
public struct NGramOverlap: Equatable, Sendable {
    public let level: NGramSet.Level
    /// Different runs of the evaluation text that were looked for.
    public let total: Int
    /// Those of them that the calibration text holds.
    public let found: Int
    /// One run in so many was looked for.
    public var oneIn = 1

    /// `found / total`, from 0 to 1.
    public var share: Double { total == 0 ? 0 : Double(found) / Double(total) }

    /// "8 of 28 different runs of 13 words (28.57 %)"
    public var text: String {
        let percent = (share * 10_000).rounded() / 100
        let kind = oneIn == 1 ? "different" : "sampled"
        return "\(found) of \(total) \(kind) runs of \(NGramSet.length) \(level.rawValue) (\(percent) %)"
    }

    public var members: JSONObject {
        var object = JSONObject()
        object["n"] = .integer(NGramSet.length)
        object["of"] = .string(level.rawValue)
        if oneIn > 1 { object["one_in"] = .integer(oneIn) }
        object["evaluation_ngrams"] = .integer(total)
        object["found"] = .integer(found)
        return object
    }
}
