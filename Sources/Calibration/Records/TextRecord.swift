import Faults
import JSONText

/// What one object of a data set says, whichever of the usual forms it has.
///
/// | form | keys |
/// | --- | --- |
/// | plain | `text` |
/// | OpenAI | `messages`: `role`, `content`; `system` or `system_prompt` |
/// | ShareGPT | `conversations`: `from`, `value`; `system` or `system_prompt` |
/// | TRL | `prompt` and `completion`, or `prompt` and `chosen`, or `chosen`: texts, or lists of messages |
/// | Alpaca | `instruction`, `input` or `context`, `output` or `response`; `system` |
///
/// `response` also stands for `completion`. A key whose value is null is not there, nor is an empty `text` beside
/// another form. Other keys are ignored, whatever they hold.
public struct TextRecord: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        case text(String)
        /// Joined as they are.
        case prompt(String, completion: String?)
        case conversation([ChatMessage])
        case instruction(Instruction)
    }

    public let content: Content
    /// Whether definitions of tools stand beside a conversation: the model's own template would write them, ours do
    /// not.
    public let hasTools: Bool

    /// - Throws: `badData` without file and place.
    init(_ object: JSONObject, _ purpose: RecordReader.Purpose, textField: String?) throws(Fault) {
        content = try TextRecord.content(RecordObject(object), purpose, textField)
        switch content {
        case .conversation, .instruction: hasTools = ["tools", "functions"].contains { TextRecord.defines(object[$0]) }
        case .text, .prompt: hasTools = false
        }
    }

    /// Whether a value holds definitions: a list, or the JSON text of one.
    private static func defines(_ value: JSONValue?) -> Bool {
        if let text = value?.stringValue {
            return !["", "[]", "{}", "null"].contains(text.filter { !$0.isWhitespace })
        }
        return value?.arrayValue?.isEmpty == false
    }

    private static func content(
        _ object: RecordObject, _ purpose: RecordReader.Purpose, _ textField: String?
    ) throws(Fault) -> Content {
        if let textField {
            switch try object.value(textField) {
            case .text(let text): return .text(text)
            case .messages(let messages): return .conversation(messages)
            case nil: throw object.missing("the record has no '\(textField)'", expected: "'\(textField)'")
            }
        }
        for form in purpose == .document ? documentForms : promptForms {
            if let content = try read(form, object, purpose), content != .text("") { return content }
        }
        // What says nothing is left out where it is counted.
        if ["text", "chosen"].contains(where: object.isEmptyText) { return .text("") }
        if purpose == .document, ["conversations", "conversation"].contains(where: object.isEmptyList) {
            return .text("")
        }
        let lonely = ["prompt", "completion", "instruction"].first(where: object.has)
        throw object.missing(
            lonely.map { "the record has only '\($0)'" } ?? "the record has no text",
            expected: "text, messages, conversations, prompt and completion or chosen, or instruction and output")
    }

    // MARK: The forms

    private enum Form {
        case text, messages, shareGPT, pair, chosen, instruction, promptAlone
    }

    private static let documentForms: [Form] = [.text, .messages, .shareGPT, .pair, .chosen, .instruction]
    /// Data sets repeat the question as `prompt` beside a conversation, which says more.
    private static let promptForms: [Form] = [
        .pair, .messages, .shareGPT, .chosen, .instruction, .promptAlone, .text,
    ]

    private static func read(
        _ form: Form, _ object: RecordObject, _ purpose: RecordReader.Purpose
    ) throws(Fault) -> Content? {
        switch form {
        case .text: try object.text("text").map { .text($0) }
        case .messages: try messages(object, purpose)
        case .shareGPT: try shareGPT(object, purpose)
        case .pair: try pair(object)
        case .promptAlone: try promptAlone(object)
        case .chosen: try chosen(object)
        case .instruction: try instruction(object, purpose)
        }
    }

    private static func messages(
        _ object: RecordObject, _ purpose: RecordReader.Purpose
    ) throws(Fault) -> Content? {
        if object.isEmptyList("messages"), object.isEmptyText("text") { return nil }
        guard var messages = try object.messages("messages") else { return nil }
        messages = try object.systemMessage(before: messages) + messages
        // A server's log has the reply beside what it was given.
        if purpose == .prompt, let reply = try object.text(object.completionKey) {
            messages.append(ChatMessage(role: .assistant, content: reply))
        }
        return .conversation(messages)
    }

    private static func shareGPT(
        _ object: RecordObject, _ purpose: RecordReader.Purpose
    ) throws(Fault) -> Content? {
        guard let key = ["conversations", "conversation"].first(where: object.has) else { return nil }
        // Collections of this form do have conversations in which nobody says anything.
        if purpose == .document, object.isEmptyList(key) { return .text("") }
        return try object.messages(key).map { (messages) throws(Fault) in
            .conversation(try object.systemMessage(before: messages) + messages)
        }
    }

    /// A prompt with its answer.
    private static func pair(_ object: RecordObject) throws(Fault) -> Content? {
        guard let prompt = try object.value("prompt") else { return nil }
        let isChosen = !object.has(object.completionKey) && object.has("chosen")
        switch (prompt, try object.value(isChosen ? "chosen" : object.completionKey)) {
        case (.text(let prompt), .text(let answer)):
            // Of preferences some tell the answer alone, others the whole text again.
            let isWhole = isChosen && !prompt.isEmpty && answer.utf8.starts(with: prompt.utf8)
            let rest = isWhole ? String(decoding: answer.utf8.dropFirst(prompt.utf8.count), as: UTF8.self) : answer
            return .prompt(prompt, completion: rest)
        case (.messages(let messages), .text(let answer)):
            return .conversation(messages + [ChatMessage(role: .assistant, content: answer)])
        case (.messages(let messages), .messages(let answer)):
            // Some tell the answer alone, others the whole conversation again.
            return .conversation(answer.starts(with: messages) ? answer : messages + answer)
        case (.text(let prompt), .messages(let answer)):
            let isWhole = answer.first?.role != .assistant
            return .conversation((isWhole ? [] : [ChatMessage(role: .user, content: prompt)]) + answer)
        case (_, nil): return nil
        }
    }

    /// A prompt of a log whose answer was not kept.
    private static func promptAlone(_ object: RecordObject) throws(Fault) -> Content? {
        guard let prompt = try object.value("prompt") else { return nil }
        try object.refuseUnreadAnswer(beside: "prompt")
        switch prompt {
        case .text(let prompt): return .prompt(prompt, completion: nil)
        case .messages(let messages): return .conversation(messages)
        }
    }

    /// A preferred answer that holds its prompt.
    private static func chosen(_ object: RecordObject) throws(Fault) -> Content? {
        switch try object.value("chosen") {
        case .text(let text): .text(text)
        case .messages(let messages): .conversation(messages)
        case nil: nil
        }
    }

    private static func instruction(
        _ object: RecordObject, _ purpose: RecordReader.Purpose
    ) throws(Fault) -> Content? {
        guard let instruction = try object.text("instruction") else { return nil }
        let output = try object.text(object.has("output") ? "output" : "response")
        if output == nil {
            guard purpose == .prompt else { return nil }
            try object.refuseUnreadAnswer(beside: "instruction")
        }
        guard !object.has("history") || object.isEmptyList("history") else {
            throw Fault(
                .badData, "the record has a 'history', which is not supported",
                expected: "instruction, input and output",
                advice: "store the conversation as \"messages\"")
        }
        return .instruction(
            Instruction(
                system: try object.text(object.systemKey), instruction: instruction,
                input: try object.text(object.has("input") ? "input" : "context") ?? "", output: output))
    }
}

/// An object of a data set, with the values that texts are made of.
private struct RecordObject {
    private let object: JSONObject

    init(_ object: JSONObject) { self.object = object }

    enum Value {
        case text(String)
        case messages([ChatMessage])
    }

    func has(_ key: String) -> Bool { object.present(key) != nil }

    func isEmptyList(_ key: String) -> Bool { object.present(key)?.arrayValue?.isEmpty ?? false }

    func isEmptyText(_ key: String) -> Bool { object.present(key)?.stringValue?.isEmpty ?? false }

    var completionKey: String { has("completion") ? "completion" : "response" }

    var systemKey: String { has("system") ? "system" : "system_prompt" }

    /// - Throws: `badData` for a record whose answer has a name that is not read: it would be scored without it.
    func refuseUnreadAnswer(beside key: String) throws(Fault) {
        guard let other = RecordReader.unreadAnswers.first(where: has) else { return }
        throw Fault(
            .badData, "the record has '\(key)' and '\(other)', which is not supported", expected: "'completion'",
            advice: "rename '\(other)' to \"completion\" to score it, or leave it out to score the prompt")
    }

    /// Nil for a key that is not there or null.
    func text(_ key: String) throws(Fault) -> String? {
        guard let value = object.present(key) else { return nil }
        guard let text = value.stringValue else {
            throw Fault(.badData, "'\(key)' is not a string", found: value.kindName, expected: "a string")
        }
        guard !text.utf8.contains(0) else {
            throw Fault(
                .badData, "'\(key)' contains a NUL character", found: "\\u0000", expected: "text without NUL"
            )
        }
        return text
    }

    func messages(_ key: String) throws(Fault) -> [ChatMessage]? {
        try object.present(key).map { (value) throws(Fault) in try ChatMessage.list(value, key: key) }
    }

    /// A text, or a list of messages.
    func value(_ key: String) throws(Fault) -> Value? {
        if object.present(key)?.arrayValue != nil { return try messages(key).map { .messages($0) } }
        return try text(key).map { .text($0) }
    }

    /// The system prompt beside a conversation that has none itself.
    func systemMessage(before messages: [ChatMessage]) throws(Fault) -> [ChatMessage] {
        guard messages.first?.role != .system, let text = try text(systemKey), !text.isEmpty else { return [] }
        return [ChatMessage(role: .system, content: text)]
    }

    func missing(_ summary: String, expected: String) -> Fault {
        Fault(
            .badData, summary,
            found: object.isEmpty
                ? "an empty object"
                : "the keys " + object.keys.prefix(8).map { String($0.prefix(40)) }.joined(separator: ", "),
            expected: expected,
            advice: object.isEmpty ? nil : "name the key that holds the text with --text-field NAME")
    }
}
