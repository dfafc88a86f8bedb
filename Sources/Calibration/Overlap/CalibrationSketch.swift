import Foundation
import JSONText
import Records

/// What a published folder keeps of its calibration text: one in 16 of the hashes of its runs of 13 words.
///
/// Which ones, the hash itself decides, so that the sketches of two texts hold the same of what both have, and their
/// overlap is an estimate of the whole. The text itself cannot be read from it (`NGramSet`).
public struct CalibrationSketch: Equatable, Sendable {
    public static let oneIn = 16
    private static let version = 1
    private static let bytes = 6

    public let level: NGramSet.Level
    private let hashes: Set<UInt64>

    public init(_ runs: NGramSet) {
        level = runs.level
        hashes = runs.hashes.filter(CalibrationSketch.isSampled)
    }

    private static func isSampled(_ hash: UInt64) -> Bool { hash.isMultiple(of: UInt64(oneIn)) }

    /// The value in the manifest: sorted hashes of 6 bytes each, big-endian, in base64.
    var json: JSONValue {
        var data = Data(capacity: hashes.count * CalibrationSketch.bytes)
        for hash in hashes.sorted() {
            for shift in stride(from: 40, through: 0, by: -8) { data.append(UInt8(truncatingIfNeeded: hash >> shift)) }
        }
        return .object([
            "version": .integer(CalibrationSketch.version), "n": .integer(NGramSet.length),
            "of": .string(level.rawValue), "one_in": .integer(CalibrationSketch.oneIn),
            "hashes": .string(data.base64EncodedString()),
        ])
    }

    /// Nil for a manifest without a sketch that this version understands.
    public init?(manifest: JSONValue?) {
        guard let object = manifest?.objectValue?[.sketch]?.objectValue,
            object["version"]?.integerValue == CalibrationSketch.version,
            object["n"]?.integerValue == NGramSet.length, object["one_in"]?.integerValue == CalibrationSketch.oneIn,
            let level = object["of"]?.stringValue.flatMap(NGramSet.Level.init),
            let text = object["hashes"]?.stringValue, let data = Data(base64Encoded: text),
            data.count.isMultiple(of: CalibrationSketch.bytes)
        else { return nil }
        let bytes = Array(data)
        self.level = level
        hashes = Set(
            stride(from: 0, to: bytes.count, by: CalibrationSketch.bytes).map { start in
                bytes[start..<start + CalibrationSketch.bytes].reduce(0) { $0 << 8 | UInt64($1) }
            })
    }

    /// How much of an evaluation text stands in the calibration text, by the runs that the hash samples; nil where one
    /// holds words and the other tokens.
    public func overlap(with evaluation: NGramSet) -> NGramOverlap? {
        guard level == evaluation.level else { return nil }
        let sampled = evaluation.hashes.filter(CalibrationSketch.isSampled)
        return NGramOverlap(
            level: level, total: sampled.count, found: sampled.count(where: hashes.contains),
            oneIn: CalibrationSketch.oneIn)
    }
}
