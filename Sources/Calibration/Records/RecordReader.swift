import Faults
import JSONText

/// Reads the records of a .jsonl file or of a JSON array: objects of which only the keys that make a text are looked
/// at.
public struct RecordReader: Sendable {
    /// What a record is wanted for: of an object that has several forms, the first in the reader's order counts.
    public enum Purpose: Sendable {
        /// A document: a text first.
        case document
        /// A log's prompt: what has a prompt and an answer first.
        case prompt
    }

    public let purpose: Purpose
    /// The only key that is read, where the user named one.
    public let textField: String?
    private let limits: JSONLimits

    public init(_ purpose: Purpose, textField: String? = nil) {
        self.purpose = purpose
        self.textField = textField
        let further = (textField.map { [$0] } ?? []) + (purpose == .prompt ? RecordReader.unreadAnswers : [])
        limits = JSONLimits(keys: RecordReader.keys.union(further))
    }

    /// The keys of all forms, of messages and of their parts.
    private static let keys: Set<String> = [
        "text", "messages", "conversations", "conversation", "prompt", "completion", "chosen", "instruction", "input",
        "output", "response", "context", "system", "system_prompt", "history", "tools", "functions", "role", "content",
        "from", "value", "type", "tool_calls", "function_call", "reasoning_content",
    ]

    /// What answers are called, too. Their names say too little to be read, and too much to be passed over where a
    /// prompt alone would be scored in their place.
    static let unreadAnswers = [
        "answer", "answers", "output", "outputs", "reply", "responses", "completions", "generation", "generated_text",
    ]

    /// - Parameters:
    ///   - line: where the record begins, for messages.
    ///   - isLine: whether the record is all of that line.
    /// - Throws: `badData` with the place, without the file.
    public func record(
        _ bytes: some Sequence<UInt8>, line: Int, isLine: Bool = true
    ) throws(Fault) -> TextRecord {
        let value: JSONValue
        do throws(Fault) {
            value = try JSONValue(parsing: bytes, limits: limits)
        } catch {
            // The parser counts its own lines; within one line only the column says something.
            let column = isLine ? error.place?.split(separator: ",").last.map { "," + $0 } ?? "" : ""
            throw Fault(.badData, error.summary, place: "line \(line)\(column)", found: error.found)
        }
        do throws(Fault) {
            guard let object = value.objectValue else {
                throw Fault(.badData, "the record is not a JSON object", found: value.kindName, expected: "{…}")
            }
            return try TextRecord(object, purpose, textField: textField)
        } catch {
            var fault = error
            fault.place = fault.place ?? "line \(line)"
            throw fault
        }
    }
}
