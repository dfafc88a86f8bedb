import Faults

/// Prompts as a server logs them, or as a data set has them: JSON objects, one a line or in one array.
///
/// `{"prompt": …, "completion": …}` scores the completion after the prompt, `{"prompt": …}` or `{"text": …}` the text
/// itself, `{"messages": …}` or `{"conversations": …}` the last reply; `TextRecord` lists all forms.
public struct PromptLog: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        /// From 1.
        public var line: Int
        public var prompt: String
        public var completion: String?
        /// Whether the prompt holds the tokens that begin a text, as a rendered conversation does.
        public var isRendered = false
    }

    /// What the model offers for conversations; asked only where there is one.
    public typealias Chat = () throws(Fault) -> ChatTemplate.Choice

    public var entries: [Entry] = []
    /// Whether a last line that a writer has not finished was left out.
    public var hasTornLine = false
    /// Conversations that have definitions of tools beside them, which are not rendered.
    public var withTools = 0

    /// Each prompt is in memory as text and as tokens, and every one is scored.
    public static let mostPrompts = 1 << 17
    private var most = PromptLog.mostPrompts

    public init() {}

    /// - Parameters:
    ///   - textField: the only key that is read; nil reads the usual forms.
    ///   - most: prompts; a log of more is refused.
    /// - Throws: `badData` with line and column for anything that is not as it should be, and for a log without
    ///   prompts.
    public init(
        parsing bytes: [UInt8], file: String, textField: String? = nil, most: Int = PromptLog.mostPrompts,
        chat: Chat = { () throws(Fault) in .missing }
    ) throws(Fault) {
        if let fault = BinaryContent.fault(bytes, file: file) { throw fault }
        self.most = most
        let records = RecordReader(.prompt, textField: textField)
        do throws(Fault) {
            if let layout = JSONArraySplitter.layout(bytes.prefix(1 << 16)) {
                try readElements(bytes, layout, records, chat)
            } else {
                try readLines(bytes, records, chat)
            }
        } catch { throw error.inFile(file) }
        guard !entries.isEmpty else {
            throw Fault(
                .badData, "the file has no prompts", file: file, found: "\(bytes.count) bytes",
                expected: "JSON objects, one per line, with prompt and completion, prompt, messages or text")
        }
    }

    private mutating func readLines(
        _ bytes: [UInt8], _ records: RecordReader, _ chat: Chat
    ) throws(Fault) {
        var number = 0
        var rest = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        while !rest.isEmpty {
            number += 1
            let end = rest.firstIndex(of: 10)
            let line = rest[..<(end ?? rest.endIndex)]
            rest = end.map { rest[($0 + 1)...] } ?? []
            guard line.count <= LineReader.longestLine else {
                throw Fault(
                    .badData, "a line is too long", place: "line \(number)", found: "\(line.count) bytes",
                    expected: "at most \(LineReader.longestLine) bytes per line")
            }
            if line.allSatisfy({ $0 == 32 || (9...13).contains($0) }) { continue }
            do throws(Fault) {
                try append(try records.record(line, line: number), line: number, chat)
            } catch {
                // A log that is being written may end in the middle of a line.
                guard end == nil, !entries.isEmpty, error.summary.hasPrefix("invalid JSON") else { throw error }
                hasTornLine = true
            }
        }
    }

    private mutating func readElements(
        _ bytes: [UInt8], _ layout: JSONArraySplitter.Layout, _ records: RecordReader, _ chat: Chat
    ) throws(Fault) {
        var splitter = JSONArraySplitter(layout)
        for byte in bytes {
            guard let element = try splitter.take(byte) else { continue }
            let record = try records.record(element.bytes, line: element.line, isLine: false)
            try append(record, line: element.line, chat)
        }
        try splitter.finish()
    }

    private mutating func append(_ record: TextRecord, line: Int, _ chat: Chat) throws(Fault) {
        guard entries.count < most else {
            throw Fault(
                .badData, "the file has too many prompts", place: "line \(line)",
                found: "more than \(most)", expected: "at most \(most)",
                advice: "take a sample of the log, or cut it into several files")
        }
        do throws(Fault) {
            let found = try record.exchange(chat)
            entries.append(
                Entry(
                    line: line, prompt: found.prompt, completion: found.completion, isRendered: found.isRendered))
        } catch {
            var fault = error
            fault.place = fault.place ?? "line \(line)"
            throw fault
        }
        if record.hasTools { withTools += 1 }
    }
}
