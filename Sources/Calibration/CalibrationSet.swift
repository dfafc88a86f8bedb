import Faults
import JSONText

/// The calibration tokens of a run and where they came from.
public struct CalibrationSet: Sendable {
    /// `[samples, sequence length]`.
    public let tokens: TokenMatrix
    /// Sources with digests and counts, seed and shape; no text and no path.
    public private(set) var manifest: JSONObject
    /// What the user should know, one sentence each.
    public private(set) var warnings: [String]

    init(tokens: TokenMatrix, manifest: JSONObject, warnings: [String]) {
        self.tokens = tokens
        self.manifest = manifest
        self.warnings = warnings
    }

    /// Looks for an evaluation text within the calibration tokens; notes the result in the manifest, and warns when
    /// there is any overlap.
    ///
    /// - Parameters:
    ///   - evaluation: the text's tokens, in as many pieces as it has.
    ///   - file: the evaluation file's name.
    public mutating func noteOverlap(with evaluation: [ArraySlice<Int32>], file: String) {
        let overlap = NGramOverlap.between(calibration: tokens, evaluation: evaluation)
        var known = manifest["overlap"]?.arrayValue ?? []
        known.append(
            .object([
                "file": .string(SourceReport.name(of: file)), "n": .integer(NGramOverlap.length),
                "evaluation_ngrams": .integer(overlap.total), "found": .integer(overlap.found),
            ]))
        manifest["overlap"] = .array(known)
        if overlap.found > 0 {
            let percent = (overlap.share * 10_000).rounded() / 100
            warnings.append(
                "\(overlap.found) of \(overlap.total) different \(NGramOverlap.length)-grams of "
                    + "\(SourceReport.name(of: file)) (\(percent) %) also stand in the calibration text; "
                    + "a figure measured on it may flatter the pruned model")
        }
    }
}
