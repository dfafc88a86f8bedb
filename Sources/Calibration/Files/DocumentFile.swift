import Crypto
import Faults
import Foundation

/// A file's documents: found and checked in one pass, read again when they are wanted, so that a file may be larger than
/// memory.
final class DocumentFile {
    /// A document's text.
    struct Document: Equatable {
        var text: String
        /// A conversation as its template gives it: special tokens are in the text, and none are added.
        var isRendered = false
    }

    /// Identity of a document's text.
    struct Identity: Hashable {
        private let bytes: [UInt8]
        init(_ digest: SHA256.Digest) { bytes = Array(digest) }
        init(_ document: Document) { self.init(SHA256.hash(data: Data(document.text.utf8))) }
    }

    private struct Span {
        var line: Int
        var offset: Int
        var count: Int
    }

    let path: String
    /// SHA-256 of the file, in hexadecimal.
    private(set) var digest = ""
    /// Documents without any text, which are left out.
    private(set) var emptyCount = 0
    /// Wrong lines that were left out.
    private(set) var skipped: [Fault] = []
    private(set) var identities: [Identity] = []
    private let file: ByteFile
    private let isJSON: Bool
    private let reader: JSONLineReader
    private var spans: [Span] = []

    var count: Int { spans.count }

    /// - Parameters:
    ///   - isJSON: one JSON object a line; otherwise documents are separated by blank lines.
    ///   - chat: renders conversations.
    ///   - skippedLines: wrong lines of JSON that are left out; one more is an error.
    /// - Throws: `Fault` of kind `badData` with the line for anything that is not as it should be.
    init(
        _ path: String, isJSON: Bool, chat: ChatTemplate.Choice, skippedLines: Int = 0,
        longestLine: Int = LineReader.longestLine
    ) throws(Fault) {
        self.path = path
        self.isJSON = isJSON
        self.file = try ByteFile(path)
        self.reader = JSONLineReader(path: path, chat: chat)
        var lines = try LineReader(file, longestLine: longestLine)
        if isJSON {
            try scanLines(&lines, skippedLines: skippedLines)
        } else {
            try scanParagraphs(&lines, longest: longestLine)
        }
        digest = lines.digest
    }

    func document(_ index: Int) throws(Fault) -> Document {
        let span = spans[index]
        let data = try file.bytes(at: span.offset, count: span.count)
        guard data.count == span.count else { throw changed }
        if isJSON { return try reader.document(data, line: span.line) }
        guard let text = String(validating: DocumentFile.withoutCarriageReturns(data), as: UTF8.self) else {
            throw changed
        }
        return Document(text: text)
    }

    private var changed: Fault {
        Fault(
            .inputOutput, "the file changed while it was read", file: path, advice: "run again when nobody writes to it"
        )
    }

    private func scanLines(_ lines: inout LineReader, skippedLines: Int) throws(Fault) {
        while true {
            let start = lines.offset
            do throws(Fault) {
                guard let line = try lines.next() else { return }
                if !line.isBlank { try add(line) }
            } catch {
                // A line that has no end within the limit cannot be left out.
                guard skipped.count < skippedLines, lines.offset > start else {
                    var fault = error
                    if !skipped.isEmpty { fault.summary += ", and \(skipped.count) wrong lines stand before it" }
                    throw fault
                }
                skipped.append(error)
            }
        }
    }

    private func add(_ line: LineReader.Line) throws(Fault) {
        let document = try reader.document(line.bytes, line: line.number)
        guard !DocumentFile.isBlank(document.text) else {
            emptyCount += 1
            return
        }
        spans.append(Span(line: line.number, offset: line.offset, count: line.bytes.count))
        identities.append(Identity(document))
    }

    private func scanParagraphs(_ lines: inout LineReader, longest: Int) throws(Fault) {
        var current: Span?
        var hash = SHA256()
        while true {
            let line = try lines.next()
            guard let line, !line.isBlank else {
                if let span = current {
                    spans.append(span)
                    identities.append(Identity(hash.finalize()))
                    current = nil
                }
                if line == nil { return }
                continue
            }
            var span = current ?? Span(line: line.number, offset: line.offset, count: 0)
            if current == nil { hash = SHA256() } else { hash.update(data: [10]) }
            hash.update(data: line.bytes)
            span.count = line.offset + line.bytes.count - span.offset
            guard span.count <= longest else {
                throw Fault(
                    .badData, "a document is too long", file: path, place: "lines \(span.line) to \(line.number)",
                    found: "more than \(longest) bytes", expected: "at most \(longest) bytes a document",
                    advice: "separate the documents by blank lines")
            }
            current = span
        }
    }

    static func isBlank(_ text: String) -> Bool { text.utf8.allSatisfy { $0 == 32 || (9...13).contains($0) } }

    /// CRLF made LF; a lone CR stays.
    private static func withoutCarriageReturns(_ data: Data) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count)
        for byte in data {
            if byte == 10, bytes.last == 13 { bytes.removeLast() }
            bytes.append(byte)
        }
        return bytes
    }
}
