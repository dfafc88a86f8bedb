import Crypto
import Faults
import Foundation

/// A file's documents: found and checked in one pass, read again when they are wanted, so that a file may be larger
/// than memory.
final class DocumentFile {
    /// A document's text.
    struct Document: Equatable {
        var text: String
        /// A conversation as its template gives it: special tokens are in the text, and none are added.
        var isRendered = false
        /// What an assistant says, as ranges of the text's UTF-8; nil for a text without turns.
        var replies: [Range<Int>]?

        init(text: String) { self.text = text }

        init(_ marked: MarkedText, isRendered: Bool = false) {
            (text, replies, self.isRendered) = (marked.text, marked.replies, isRendered)
        }

        /// A prompt and the answer to it.
        init(joining prompt: String, _ answer: String?) {
            var text = MarkedText()
            text.append(prompt)
            text.append(answer ?? "", isReply: true)
            self.init(text)
        }

        /// A prompt without its answer.
        init(asking exchange: TextRecord.Exchange) {
            (text, isRendered) = (exchange.prompt, exchange.isRendered)
        }

        /// Whether the text ends with what an assistant says.
        var endsWithReply: Bool { replies?.last?.upperBound == text.utf8.count }
    }

    /// Identity of a document's text.
    struct Identity: Hashable {
        private let bytes: [UInt8]
        init(_ digest: SHA256.Digest) { bytes = Array(digest) }
        init(_ document: Document) {
            var hash = SHA256()
            var text = document.text
            text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
            self.init(hash.finalize())
        }
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
    /// Wrong records that were left out.
    private(set) var skipped: [Fault] = []
    private(set) var identities: [Identity] = []
    /// Conversations that have definitions of tools beside them, which are not rendered.
    private(set) var withTools = 0
    /// How records that are not a line each are laid out.
    private(set) var layout: JSONArraySplitter.Layout?
    private let file: ByteFile
    private let isJSON: Bool
    private let keepsEmpty: Bool
    private let chat: ChatTemplate.Choice
    private let records: RecordReader
    private var spans: [Span] = []

    var count: Int { spans.count }
    /// Bytes of the file.
    var size: Int { file.size }

    /// - Parameters:
    ///   - isJSON: JSON objects, one a line or in one array; otherwise documents are separated by blank lines.
    ///   - purpose: whether of a record everything is a document's, or only what a model would be asked.
    ///   - chat: renders conversations.
    ///   - textField: the only key that is read; nil reads the usual forms.
    ///   - skippedLines: wrong records that are left out; one more is an error.
    ///   - keepsEmpty: whether records without any text count.
    /// - Throws: `Fault` of kind `badData` with the line for anything that is not as it should be.
    init(
        _ path: String, isJSON: Bool, purpose: RecordReader.Purpose = .document, chat: ChatTemplate.Choice,
        textField: String? = nil, skippedLines: Int = 0, keepsEmpty: Bool = false,
        longestLine: Int = LineReader.longestLine
    ) throws(Fault) {
        self.path = path
        self.isJSON = isJSON
        self.keepsEmpty = keepsEmpty
        self.chat = chat
        self.file = try ByteFile(path)
        self.records = RecordReader(purpose, textField: textField)
        if isJSON, let layout = JSONArraySplitter.layout(try file.bytes(at: 0, count: 1 << 16)) {
            self.layout = layout
            try scanElements(layout, skippedLines: skippedLines, longest: longestLine)
            return
        }
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
        if isJSON { return try document(data, line: span.line).document }
        guard let text = String(validating: DocumentFile.withoutCarriageReturns(data), as: UTF8.self) else {
            throw changed
        }
        return Document(text: text)
    }

    /// Where a document begins.
    func place(of index: Int) -> String { "line \(spans[index].line)" }

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
                if !line.isBlank { try add(line.bytes, line: line.number, offset: line.offset) }
            } catch {
                // A line that has no end within the limit cannot be left out.
                guard skipped.count < skippedLines, lines.offset > start else {
                    var fault = error
                    if !skipped.isEmpty { fault.summary += ", after \(skipped.count) invalid lines" }
                    throw fault
                }
                skipped.append(error)
            }
        }
    }

    private func scanElements(
        _ layout: JSONArraySplitter.Layout, skippedLines: Int, longest: Int
    ) throws(Fault) {
        var splitter = JSONArraySplitter(layout, longest: longest)
        var hash = SHA256()
        var offset = 0
        do throws(Fault) {
            while true {
                let part = try file.bytes(at: offset, count: 1 << 20)
                guard !part.isEmpty else { break }
                hash.update(data: part)
                offset += part.count
                for byte in part {
                    guard let element = try splitter.take(byte) else { continue }
                    do throws(Fault) {
                        try add(element.bytes, line: element.line, offset: element.offset)
                    } catch {
                        guard skipped.count < skippedLines else { throw error }
                        skipped.append(error)
                    }
                }
            }
            try splitter.finish()
        } catch { throw error.inFile(path) }
        digest = HexText.of(hash.finalize())
    }

    private func document(
        _ bytes: some Sequence<UInt8>, line: Int
    ) throws(Fault) -> (document: Document, hasTools: Bool) {
        do throws(Fault) {
            let record = try records.record(bytes, line: line, isLine: layout == nil)
            let document =
                records.purpose == .document
                ? try record.document(chat)
                : Document(asking: try record.exchange { () throws(Fault) in chat })
            return (document, record.hasTools)
        } catch {
            var fault = error.inFile(path)
            fault.place = fault.place ?? "line \(line)"
            throw fault
        }
    }

    private func add(_ bytes: [UInt8], line: Int, offset: Int) throws(Fault) {
        let (document, hasTools) = try document(bytes, line: line)
        guard keepsEmpty || !DocumentFile.isBlank(document.text) else {
            emptyCount += 1
            return
        }
        if hasTools { withTools += 1 }
        spans.append(Span(line: line, offset: offset, count: bytes.count))
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
                    found: "more than \(longest) bytes", expected: "at most \(longest) bytes per document",
                    advice: "separate the documents by blank lines")
            }
            current = span
        }
    }

    /// Whether the first line of a text is a record, as in a file of records with a text's name.
    static func beginsWithRecord(_ text: some Sequence<UInt8>) -> Bool {
        let line = text.lazy.drop { $0 == 32 || (9...13).contains($0) }.prefix { $0 != 10 }
        guard line.first(where: { _ in true }) == UInt8(ascii: "{") else { return false }
        return (try? RecordReader(.document).record(Array(line), line: 1)) != nil
    }

    /// A sentence about a file where `beginsWithRecord` is true.
    static func recordsAsText(_ name: String) -> String {
        "\(name) is read as plain text, but its first line is a JSON record; rename it to end in .jsonl to read its "
            + "text"
    }

    static func isBlank(_ text: String) -> Bool { text.utf8.allSatisfy { $0 == 32 || (9...13).contains($0) } }

    /// CRLF made LF; a lone CR stays.
    private static func withoutCarriageReturns(_ data: [UInt8]) -> [UInt8] {
        guard data.contains(13) else { return data }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count)
        for byte in data {
            if byte == 10, bytes.last == 13 { bytes.removeLast() }
            bytes.append(byte)
        }
        return bytes
    }
}
