import JSONText
import Records

/// The calibration tokens of a run and where they came from.
public struct CalibrationSet: Sendable {
    /// `[samples, sequence length]`.
    public let tokens: TokenMatrix
    /// Where the request marks replies, the tokens of the assistant's turns, and all of texts that have no turns; every
    /// row has one that another token stands before.
    public let counted: TokenMask?
    /// Sources with digests and counts, seed and shape; no text and no path.
    public private(set) var manifest: JSONObject
    /// What the user should know, one sentence each.
    public private(set) var warnings: [String]

    init(tokens: TokenMatrix, counted: TokenMask? = nil, manifest: JSONObject, warnings: [String]) {
        self.tokens = tokens
        self.counted = counted
        self.manifest = manifest
        self.warnings = warnings
    }

    /// Keeps the sketch of what the tokens say in the manifest.
    mutating func keepSketch(of runs: NGramSet) { manifest[.sketch] = CalibrationSketch(runs).json }

    /// Notes in the manifest how much of an evaluation text the calibration tokens hold, and warns of any.
    ///
    /// - Parameters:
    ///   - file: the evaluation file's path.
    ///   - hasRuns: whether the calibration tokens have runs that could be found.
    mutating func note(_ overlap: NGramOverlap, with file: String, hasRuns: Bool) {
        let name = SourceReport.name(of: file)
        var entry = JSONObject([(ReportKey.file.rawValue, .string(name))])
        for (key, value) in overlap.members.members { entry[key] = value }
        manifest[.overlap] = .array((manifest[.overlap]?.arrayValue ?? []) + [.object(entry)])
        if overlap.total == 0 {
            warnings.append(
                "\(name) has fewer than \(NGramSet.length) \(overlap.level.rawValue), so nothing was compared")
        } else if !hasRuns {
            warnings.append(
                "no calibration sample has \(NGramSet.length) \(overlap.level.rawValue), so nothing could be compared "
                    + "with \(name)")
        } else if overlap.found > 0 {
            warnings.append(
                "\(overlap.text) of \(name) are also in the calibration text; a figure measured on it may "
                    + "flatter the pruned model")
        }
    }
}
