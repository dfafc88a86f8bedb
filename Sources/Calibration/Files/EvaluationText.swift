import Crypto
import Faults
import Foundation

/// A text to evaluate on: the whole file, as it is.
public struct EvaluationText: Sendable {
    public let path: String
    /// The file's text, line ends included; only a byte-order mark at the beginning is dropped.
    public let text: String
    /// SHA-256 of the file, in hexadecimal.
    public let digest: String

    /// - Throws: `Fault` of kind `badData` for a file that is empty or not UTF-8; `missingInput` and `inputOutput` as for
    ///   any file.
    public init(_ path: String) throws(Fault) {
        let file = try ByteFile(path)
        let data = try file.bytes(at: 0, count: file.size)
        let content = data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data
        guard let text = String(validating: content, as: UTF8.self) else {
            throw Fault(
                .badData, "the text is not UTF-8", file: path, place: EvaluationText.firstBadLine(content),
                advice: "convert the file to UTF-8")
        }
        guard !text.isEmpty else { throw Fault(.badData, "the text is empty", file: path, found: "0 characters") }
        self.path = path
        self.text = text
        self.digest = HexText.of(SHA256.hash(data: data))
    }

    private static func firstBadLine(_ content: Data) -> String? {
        for (index, line) in content.split(separator: 10, omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            return "line \(index + 1)"
        }
        return nil
    }
}
