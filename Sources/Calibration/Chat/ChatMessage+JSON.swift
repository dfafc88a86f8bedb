import Faults
import JSONText

extension ChatMessage {
    /// Reads a list of `{"role": …, "content": …}` or `{"from": …, "value": …}`.
    ///
    /// The content is a string, or a list of parts of which all are text; these are joined by line breaks, as servers
    /// do for templates that take text only.
    ///
    /// - Parameter key: the list's name, for messages.
    /// - Throws: `badData`, without file and place, for anything else, and for calls of tools, which no template that
    ///   is built in renders.
    public static func list(_ value: JSONValue, key: String = "messages") throws(Fault) -> [ChatMessage] {
        guard let items = value.arrayValue, !items.isEmpty else {
            throw fault(
                "'\(key)' is not a list of messages",
                found: value.arrayValue == nil ? value.kindName : "an empty list", expected: "[{…}, …]")
        }
        var messages: [ChatMessage] = []
        for (index, item) in items.enumerated() { messages.append(try message(item, "\(key)[\(index)]")) }
        return messages
    }

    private static func message(_ item: JSONValue, _ name: String) throws(Fault) -> ChatMessage {
        guard let object = item.objectValue else {
            throw fault("\(name) is not an object", found: item.kindName, expected: "{…}")
        }
        let roleKey = object.present("role") == nil && object.present("from") != nil ? "from" : "role"
        guard let roleValue = object.present(roleKey) else {
            throw fault("'\(name).role' is missing", found: nil, expected: "a string")
        }
        guard let word = roleValue.stringValue else {
            throw fault("'\(name).\(roleKey)' is not a string", found: roleValue.kindName, expected: "a string")
        }
        if toolRoles.contains(word) { throw tools("\(name) is a tool's answer or a tool call", found: word) }
        // ShareGPT's speakers are written in every way; a role goes into the text as it is written.
        guard let role = roles[roleKey == "from" ? word.lowercased() : word] else {
            throw fault(
                "\(name) has an unknown role", found: word,
                expected: Role.allCases.map(\.rawValue).joined(separator: ", "))
        }
        for key in ["tool_calls", "function_call"] {
            if let call = object.present(key), call.arrayValue?.isEmpty != true {
                throw tools("\(name) calls a tool", found: "'\(key)'")
            }
        }
        let key = object.present("content") == nil && object.present("value") != nil ? "value" : "content"
        let reasoning = try object.present("reasoning_content").map { (value) throws(Fault) in
            try text(value, "\(name).reasoning_content", expected: "a string")
        }
        return ChatMessage(
            role: role, content: try content(object.present(key), "\(name).\(key)"), reasoning: reasoning)
    }

    private static func content(_ value: JSONValue?, _ name: String) throws(Fault) -> String {
        guard let value else { throw fault("'\(name)' is missing", found: nil, expected: "a string") }
        guard let parts = value.arrayValue else {
            return try text(value, name, expected: "a string, or a list of parts")
        }
        var texts: [String] = []
        for (index, part) in parts.enumerated() {
            let name = "\(name)[\(index)]"
            guard let object = part.objectValue else {
                texts.append(try text(part, name, expected: "a part with text"))
                continue
            }
            let kind = object.present("type")?.stringValue
            guard kind.map(textParts.contains) ?? (object.present("text") != nil) else {
                throw Fault(
                    .badData, "'\(name)' is not text", found: kind.map { "a part of type \($0)" } ?? "no type",
                    expected: "a part of type text",
                    advice: "leave the record out (--skip-bad-lines N), or keep the text of its messages only")
            }
            texts.append(try text(object.present("text") ?? .null, name + ".text", expected: "a string"))
        }
        return texts.joined(separator: "\n")
    }

    private static func text(_ value: JSONValue, _ name: String, expected: String) throws(Fault) -> String {
        guard let text = value.stringValue else {
            throw fault("'\(name)' is not a string", found: value.kindName, expected: expected)
        }
        guard !text.utf8.contains(0) else {
            throw fault("'\(name)' contains a NUL character", found: "\\u0000", expected: "text without NUL")
        }
        return text
    }

    /// What data sets call the three roles. OpenAI's "developer" takes the place of "system" for its newer models.
    private static let roles: [String: Role] = [
        "system": .system, "developer": .system, "user": .user, "human": .user, "assistant": .assistant,
        "gpt": .assistant, "chatgpt": .assistant, "model": .assistant, "bot": .assistant, "bing": .assistant,
        "bard": .assistant,
    ]
    private static let toolRoles: Set<String> = [
        "tool", "function", "ipython", "tool_call", "tool_response", "tool_result", "function_call",
        "function_response", "observation",
    ]
    private static let textParts: Set<String> = ["text", "input_text", "output_text"]

    private static func tools(_ summary: String, found: String) -> Fault {
        Fault(
            .badData, "\(summary), which is not rendered", found: found,
            expected: "messages of \(Role.allCases.map(\.rawValue).joined(separator: ", ")) with text",
            advice: "render such conversations with the model's own tools and store them as \"text\", or leave them out"
        )
    }

    private static func fault(_ summary: String, found: String?, expected: String) -> Fault {
        Fault(.badData, summary, found: found, expected: expected)
    }
}
