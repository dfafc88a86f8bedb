import Crypto
import Faults
import Files
import Foundation

/// A text to evaluate on: the whole file, as it is, or the documents of its records.
public struct EvaluationText: Sendable {
    public let path: String
    /// The file's text, line ends included; only a byte-order mark at the beginning is dropped.
    public let text: String
    /// SHA-256 of the file, in hexadecimal.
    public let digest: String
    /// Records that the text was made of; nil for a file that is the text itself.
    public private(set) var documents: Int?
    /// Conversations among them that have definitions of tools beside them, which are not rendered.
    public private(set) var withTools = 0

    /// A sentence for the user about a text that looks like a file of records.
    public private(set) var warning: String?

    /// - Throws: `Fault` of kind `badData` for a file that is empty or not UTF-8; `missingInput` and `inputOutput` as
    ///   for any file.
    public init(_ path: String) throws(Fault) {
        let file = try ByteFile(path)
        // The bytes, the text, and its tokens with what making them takes.
        try FreeMemory.check(
            file.size.multipliedReportingOverflow(by: 4).overflow ? .max : 4 * file.size, for: "this text", file: path)
        let data = try file.bytes(at: 0, count: file.size)
        if let fault = BinaryContent.fault(data, file: path) { throw fault }
        let content = data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data[...]
        guard let text = String(validating: content, as: UTF8.self) else {
            throw Fault(
                .badData, "the text is not UTF-8", file: path, place: EvaluationText.firstBadLine(content),
                advice: "convert the file to UTF-8")
        }
        // Text in UTF-16 without a mark is valid UTF-8 with NULs.
        if let position = content.firstIndex(of: 0) {
            throw Fault(
                .badData, "the file looks like UTF-16: it contains a NUL byte", file: path,
                place: "line \(1 + content[..<position].count { $0 == 10 })",
                found: "byte \(position - data.startIndex)", expected: "text without NUL",
                advice: "convert it to UTF-8, or check that it is a text file")
        }
        guard !text.isEmpty else { throw Fault(.badData, "the text is empty", file: path, found: "0 characters") }
        guard !DocumentFile.isBlank(text) else {
            throw Fault(.badData, "the text holds nothing but white space", file: path, found: "\(data.count) bytes")
        }
        self.path = path
        self.text = text
        self.digest = HexText.of(SHA256.hash(data: data))
        if DocumentFile.beginsWithRecord(text.utf8) { warning = DocumentFile.recordsAsText(path) }
    }

    /// The documents of a .jsonl file or JSON array as one text: a blank line follows each but the last, as
    /// perplexities of data sets are usually measured, except after a conversation, whose template ends it.
    ///
    /// - Parameters:
    ///   - chat: renders conversations.
    ///   - textField: the only key that is read; nil reads the usual forms.
    public init(records path: String, chat: ChatTemplate.Choice, textField: String?) throws(Fault) {
        let file = try DocumentFile(path, isJSON: true, chat: chat, textField: textField, keepsEmpty: true)
        var text = ""
        text.reserveCapacity(file.size)
        for index in 0..<file.count {
            let document = try file.document(index)
            text += document.text
            if !document.isRendered, index + 1 < file.count { text += "\n\n" }
        }
        guard !DocumentFile.isBlank(text) else {
            throw Fault(.badData, "the records have no text", file: path, found: "\(file.count) records")
        }
        self.path = path
        self.text = text
        self.digest = file.digest
        documents = file.count
        withTools = file.withTools
    }

    private static func firstBadLine(_ content: ArraySlice<UInt8>) -> String? {
        for (index, line) in content.split(separator: 10, omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            return "line \(index + 1)"
        }
        return nil
    }
}
