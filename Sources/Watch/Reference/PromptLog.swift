import Faults
import JSONText

/// Prompts as a server logs them: one JSON object a line.
///
/// `{"prompt": …, "completion": …}` scores the completion behind the prompt, `{"prompt": …}` or `{"text": …}` the text
/// itself; other keys are ignored. `{"messages": …}`, with or without completion, is a conversation for those who can render
/// one.
public struct PromptLog: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        /// From 1.
        public var line: Int
        public var prompt: String
        public var completion: String?
        /// Whether the prompt holds the tokens that begin a text, as a rendered conversation does.
        public var isRendered = false
    }

    /// Renders the value of `messages`, with the completion beside it where there is one.
    public typealias Conversation = (JSONValue, String?) throws(Fault) -> (prompt: String, reply: String?)

    public var entries: [Entry] = []
    /// Whether a last line that a writer has not finished was left out.
    public var hasTornLine = false

    public init() {}

    /// - Parameter conversation: nil refuses `messages`.
    /// - Throws: `badData` with line and column for anything that is not as it should be, and for a log without prompts.
    public init(parsing bytes: [UInt8], file: String, conversation: Conversation? = nil) throws(Fault) {
        var number = 0
        var rest = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        while !rest.isEmpty {
            number += 1
            let end = rest.firstIndex(of: 10)
            let line = rest[..<(end ?? rest.endIndex)]
            rest = end.map { rest[($0 + 1)...] } ?? []
            if line.allSatisfy({ $0 == 32 || (9...13).contains($0) }) { continue }
            do throws(Fault) {
                entries.append(try PromptLog.entry(line, number: number, conversation))
            } catch {
                // A log that is being written may end in the middle of a line.
                if end == nil, !entries.isEmpty, error.summary.hasPrefix("invalid JSON") {
                    hasTornLine = true
                    break
                }
                throw error.inFile(file)
            }
        }
        guard !entries.isEmpty else {
            throw Fault(
                .badData, "the file has no prompts", file: file, found: "\(number) lines",
                expected: "one JSON object a line, with prompt and completion, prompt, or text")
        }
    }

    private static func entry(
        _ bytes: ArraySlice<UInt8>, number: Int, _ conversation: Conversation?
    ) throws(Fault) -> Entry {
        let value: JSONValue
        do throws(Fault) {
            value = try JSONValue(parsing: bytes)
        } catch {
            // The parser counts its own lines; within one line only the column says something.
            let column = error.place?.split(separator: ",").last.map { "," + $0 } ?? ""
            throw Fault(.badData, error.summary, place: "line \(number)\(column)", found: error.found)
        }
        func fault(_ found: String) -> Fault {
            Fault(
                .badData, "the line is no prompt", place: "line \(number)", found: found,
                expected: "an object with the texts prompt and completion, prompt, or text"
                    + (conversation == nil ? "" : "; or with messages"))
        }
        guard let object = value.objectValue else { throw fault(value.kindName) }
        for key in ["prompt", "completion", "text"] {
            if let value = object[key], value.stringValue == nil { throw fault("\(key): \(value.kindName)") }
        }
        if let prompt = object["prompt"]?.stringValue {
            return Entry(line: number, prompt: prompt, completion: object["completion"]?.stringValue)
        }
        if let messages = object["messages"], let conversation {
            do throws(Fault) {
                let (prompt, reply) = try conversation(messages, object["completion"]?.stringValue)
                return Entry(line: number, prompt: prompt, completion: reply, isRendered: true)
            } catch {
                var fault = error
                fault.place = fault.place ?? "line \(number)"
                throw fault
            }
        }
        guard let text = object["text"]?.stringValue else {
            throw fault("the keys " + object.keys.prefix(8).map { String($0.prefix(40)) }.joined(separator: ", "))
        }
        return Entry(line: number, prompt: text, completion: nil)
    }
}
