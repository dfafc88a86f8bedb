import Faults
import JSONText

/// Reads a document from one line of a .jsonl file.
///
/// A line is an object with `text`; or with `messages`, a list of `{"role": …, "content": …}`; or with `prompt` and
/// `completion`, which are joined as they are. The first of these that is there counts; other keys are ignored.
struct JSONLineReader {
    let path: String
    let chat: ChatTemplate.Choice

    func document(_ bytes: some Sequence<UInt8>, line: Int) throws(Fault) -> DocumentFile.Document {
        let value: JSONValue
        do throws(Fault) {
            value = try JSONValue(parsing: bytes)
        } catch {
            // The parser counts its own lines; within one line only the column says something.
            let column = error.place?.split(separator: ",").last.map { "," + $0 } ?? ""
            throw Fault(.badData, error.summary, file: path, place: "line \(line)\(column)", found: error.found)
        }
        guard let object = value.objectValue else {
            throw fault(line, "the line is not a JSON object", found: value.kindName, expected: "{…}")
        }
        if object["text"] != nil { return .init(text: try text("text", of: object, line)) }
        if let messages = object["messages"] { return try conversation(messages, line) }
        if object["prompt"] != nil, object["completion"] != nil {
            return .init(text: try text("prompt", of: object, line) + text("completion", of: object, line))
        }
        let lonely = ["prompt", "completion"].first { object[$0] != nil }
        throw fault(
            line, lonely.map { "the line has '\($0)' alone" } ?? "the line has no text",
            found: object.isEmpty ? "an empty object" : "the keys " + object.keys.prefix(8).joined(separator: ", "),
            expected: "text, messages, or prompt and completion")
    }

    private func conversation(_ value: JSONValue, _ line: Int) throws(Fault) -> DocumentFile.Document {
        do throws(Fault) {
            return .init(text: try chat.template().rendered(ChatMessage.list(value)), isRendered: true)
        } catch {
            var fault = error.inFile(path)
            fault.place = fault.place ?? "line \(line)"
            throw fault
        }
    }

    private func text(_ key: String, of object: JSONObject, _ line: Int) throws(Fault) -> String {
        guard let value = object[key] else {
            throw fault(line, "'\(key)' is missing", found: nil, expected: "a string")
        }
        guard let text = value.stringValue else {
            throw fault(line, "'\(key)' is not a string", found: value.kindName, expected: "a string")
        }
        guard !text.utf8.contains(0) else {
            throw fault(line, "a NUL stands in '\(key)'", found: "\\u0000", expected: "text without NUL")
        }
        return text
    }

    private func fault(_ line: Int, _ summary: String, found: String?, expected: String) -> Fault {
        Fault(.badData, summary, file: path, place: "line \(line)", found: found, expected: expected)
    }
}
