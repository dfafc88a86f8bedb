import Faults

/// Where calibration text comes from, and its weight in the mixture.
public enum CalibrationSource: Equatable, Sendable {
    case file(path: String, kind: FileKind, weight: Double)
    /// Text that the dense model itself writes.
    case selfSampled(weight: Double)
    /// What the dense model answers to a file's prompts, after them.
    case selfAnswered(prompts: String, weight: Double)

    public enum FileKind: String, Sendable, CaseIterable {
        /// Documents separated by blank lines, whatever the file is called.
        case text = "txt"
        /// JSON objects, one a line or in one array.
        case jsonLines = "jsonl"
        /// A matrix of token ids.
        case tokens = "safetensors"
    }

    public var weight: Double {
        switch self {
        case .file(_, _, let weight), .selfSampled(let weight), .selfAnswered(_, let weight): weight
        }
    }

    /// The file that is read, if there is one.
    public var path: String? {
        switch self {
        case .file(let path, _, _), .selfAnswered(let path, _): path
        case .selfSampled: nil
        }
    }

    /// Reads "FILE" or "FILE@WEIGHT", or in the file's place "self", or "self:FILE" for answers to its prompts.
    ///
    /// Only a number after the last "@" is a weight, so that "news@home.txt" is a file's name; a file whose name ends
    /// in "@" and a number is written with "@1" after it.
    ///
    /// - Throws: `Fault` of kind `usage` for a weight that is not positive, of kind `badData` for a kind of file that
    ///   is not read.
    public init(parsing text: String) throws(Fault) {
        var path = text
        var weight = 1.0
        if let at = text.lastIndex(of: "@"), let number = CalibrationSource.number(text[text.index(after: at)...]) {
            guard number > 0, number <= CalibrationSource.mostWeight else {
                throw Fault(
                    .usage, "the weight of a calibration source is out of range", found: text,
                    expected: "FILE@WEIGHT with a weight above 0, at most 1000000000")
            }
            path = String(text[..<at])
            weight = number
        }
        guard !path.isEmpty else {
            throw Fault(.usage, "a calibration source has no file", found: text, expected: "FILE or FILE@WEIGHT")
        }
        if path == "self" {
            self = .selfSampled(weight: weight)
        } else if path.hasPrefix("self:") {
            self = .selfAnswered(prompts: try CalibrationSource.prompts(path.dropFirst("self:".count)), weight: weight)
        } else {
            self = .file(path: path, kind: try CalibrationSource.kind(of: path), weight: weight)
        }
    }

    private static func prompts(_ path: Substring) throws(Fault) -> String {
        let path = String(path)
        guard !path.isEmpty else {
            throw Fault(
                .usage, "the source self: has no file of prompts", found: "self:", expected: "self:FILE.jsonl, or self")
        }
        let kind = try CalibrationSource.kind(of: path)
        guard kind == .jsonLines else {
            throw Fault(
                .badData, "prompts are read from records", file: path, found: "a .\(kind.rawValue) file",
                expected: "a .jsonl, .ndjson or .json file, of conversations or of prompts")
        }
        return path
    }

    /// Weights are added up.
    private static let mostWeight = 1e9

    /// A decimal number, infinite where it is too large; "nan", "inf" and hexadecimal are names, not weights.
    private static func number(_ text: Substring) -> Double? {
        let allowed = Set("0123456789.eE+-".utf8)
        guard !text.isEmpty, text.utf8.allSatisfy(allowed.contains), let number = Double(text) else {
            return nil
        }
        return number
    }

    /// The kind of file that a name's extension tells; a name that tells nothing is a text's.
    ///
    /// - Throws: `Fault` of kind `badData` for an extension that is known to be something else.
    public static func kind(of path: String) throws(Fault) -> FileKind {
        let name = path.split(separator: "/").last ?? ""
        let suffix = name.contains(".") ? name.split(separator: ".").last.map { $0.lowercased() } ?? "" : ""
        let advice: String
        switch suffix {
        case "gz":
            // Unpacked as it is read; the name before the ending tells what is in it.
            let inner = String(path.dropLast(3))
            let kind = try CalibrationSource.kind(of: inner)
            if kind != .tokens { return kind }
            advice = FileKindAdvice.decompress
        case "jsonl", "ndjson", "jsonlines", "jl", "json": return .jsonLines
        case "safetensors": return .tokens
        case "zst", "xz", "bz2", "zip", "tgz", "tar", "7z", "rar", "lz4", "br": advice = FileKindAdvice.decompress
        case "parquet", "arrow", "feather", "orc", "csv", "tsv", "xlsx", "xls", "ods", "avro", "db", "sqlite", "h5":
            advice = FileKindAdvice.convert(path, FileKindAdvice.Table(rawValue: suffix))
        case "pt", "pth", "bin", "npy", "npz", "pkl", "pickle": advice = FileKindAdvice.tokens
        case "pdf", "doc", "docx", "odt", "rtf", "epub", "ppt", "pptx": advice = FileKindAdvice.extract
        case "gguf", "onnx", "png", "jpg", "jpeg", "gif", "webp", "mp3", "wav", "flac", "mp4":
            advice = FileKindAdvice.other
        default: return .text
        }
        throw Fault(
            .badData, "this kind of calibration file is not supported", file: path, found: ".\(suffix)",
            expected: "a text, .jsonl, .ndjson or .json, optionally gzipped, or .safetensors", advice: advice)
    }
}
