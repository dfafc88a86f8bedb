import Faults
import JSONText

extension ChatMessage {
    /// Reads a list of `{"role": …, "content": …}`.
    ///
    /// - Throws: `badData`, without file and place, for anything else.
    public static func list(_ value: JSONValue) throws(Fault) -> [ChatMessage] {
        guard let items = value.arrayValue, !items.isEmpty else {
            throw fault("'messages' is not a list of messages", found: value.kindName, expected: "[{…}, …]")
        }
        var messages: [ChatMessage] = []
        for (index, item) in items.enumerated() {
            let name = "messages[\(index)]"
            guard let object = item.objectValue else {
                throw fault("\(name) is not an object", found: item.kindName, expected: "{…}")
            }
            let text = try text("role", of: object, name)
            guard let role = Role(rawValue: text) else {
                throw fault(
                    "\(name) has an unknown role", found: text,
                    expected: Role.allCases.map(\.rawValue).joined(separator: ", "))
            }
            messages.append(ChatMessage(role: role, content: try self.text("content", of: object, name)))
        }
        return messages
    }

    private static func text(_ key: String, of object: JSONObject, _ name: String) throws(Fault) -> String {
        guard let value = object[key] else {
            throw fault("'\(name).\(key)' is missing", found: nil, expected: "a string")
        }
        guard let text = value.stringValue else {
            throw fault("'\(name).\(key)' is not a string", found: value.kindName, expected: "a string")
        }
        guard !text.utf8.contains(0) else {
            throw fault("a NUL stands in '\(name).\(key)'", found: "\\u0000", expected: "text without NUL")
        }
        return text
    }

    private static func fault(_ summary: String, found: String?, expected: String) -> Fault {
        Fault(.badData, summary, found: found, expected: expected)
    }
}
