import Faults

/// Where calibration text comes from, and its weight in the mixture.
public enum CalibrationSource: Equatable, Sendable {
    case file(path: String, kind: FileKind, weight: Double)
    /// Text that the dense model itself writes.
    case selfSampled(weight: Double)

    public enum FileKind: String, Sendable, CaseIterable {
        /// Documents separated by blank lines.
        case text = "txt"
        /// One JSON object a line.
        case jsonLines = "jsonl"
        /// A matrix of token ids.
        case tokens = "safetensors"
    }

    public var weight: Double {
        switch self {
        case .file(_, _, let weight), .selfSampled(let weight): weight
        }
    }

    /// Reads "FILE" or "FILE@WEIGHT", or "self" in the file's place.
    ///
    /// Only a number after the last "@" is a weight, so that "news@home.txt" is a file's name; a file whose name ends
    /// in "@" and a number is written with "@1" after it.
    ///
    /// - Throws: `Fault` of kind `usage` for a weight that is not positive, of kind `badData` for a kind of file that is
    ///   not read.
    public init(parsing text: String) throws(Fault) {
        var path = text
        var weight = 1.0
        if let at = text.lastIndex(of: "@"), let number = CalibrationSource.number(text[text.index(after: at)...]) {
            guard number > 0 else {
                throw Fault(
                    .usage, "the weight of a calibration source is not positive", found: text,
                    expected: "FILE@WEIGHT with a weight above 0")
            }
            path = String(text[..<at])
            weight = number
        }
        guard !path.isEmpty else {
            throw Fault(.usage, "a calibration source has no file", found: text, expected: "FILE or FILE@WEIGHT")
        }
        self =
            path == "self"
            ? .selfSampled(weight: weight)
            : .file(path: path, kind: try CalibrationSource.kind(of: path), weight: weight)
    }

    /// A finite decimal number; "nan", "inf" and hexadecimal are names, not weights.
    private static func number(_ text: Substring) -> Double? {
        let allowed = Set("0123456789.eE+-".utf8)
        guard !text.isEmpty, text.utf8.allSatisfy(allowed.contains), let number = Double(text), number.isFinite else {
            return nil
        }
        return number
    }

    /// The kind of file that a name's extension tells.
    public static func kind(of path: String) throws(Fault) -> FileKind {
        let name = path.split(separator: "/").last ?? ""
        let suffix = name.contains(".") ? name.split(separator: ".").last.map { $0.lowercased() } ?? "" : ""
        if let kind = FileKind(rawValue: suffix) { return kind }
        let advice =
            switch suffix {
            case "gz", "zst", "xz", "bz2", "zip", "tgz": "decompress it first"
            case "parquet", "arrow", "feather": "convert it to .jsonl, one object with a \"text\" field a line"
            case "json": "write one object a line and name the file .jsonl"
            case "csv", "tsv": "convert it to .jsonl, one object with a \"text\" field a line"
            case "pt", "pth", "bin", "npy", "npz", "pkl": "store the tokens as .safetensors"
            default: "name plain text .txt"
            }
        throw Fault(
            .badData, "this kind of calibration file is not read", file: path,
            found: suffix.isEmpty ? "no extension" : ".\(suffix)", expected: ".txt, .jsonl or .safetensors",
            advice: advice)
    }
}
