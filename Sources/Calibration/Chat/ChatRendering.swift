import Faults

extension ChatTemplate {
    /// The conversation as the model's template would give it, special tokens included, without the opening of a reply.
    ///
    /// - Throws: `Fault` of kind `badData` for an order of roles that the template refuses.
    public func rendered(_ messages: [ChatMessage]) throws(Fault) -> String {
        guard let first = messages.first else {
            throw Fault(.badData, "a conversation has no messages", expected: "at least one message")
        }
        switch style {
        case .chatML(let defaultSystem):
            let prompt = first.role == .system ? nil : defaultSystem
            return (prompt.map { chatML("system", $0) } ?? "")
                + messages.map { chatML($0.role.rawValue, $0.content) }.joined()
        case .qwen3: return qwen3(messages)
        case .zephyr: return messages.map { "<|\($0.role.rawValue)|>\n" + $0.content + end + "\n" }.joined()
        case .llama3(let endsWithHeader):
            return beginning + messages.map { llama3($0.role.rawValue, $0.content) }.joined()
                + (endsWithHeader ? llama3Header("assistant") : "")
        case .llama31(let date):
            let (system, rest) = split(messages)
            let preamble = "Cutting Knowledge Date: December 2023\nToday Date: \(date)\n\n"
            return beginning + llama3Header("system") + preamble + stripped(system ?? "") + "<|eot_id|>"
                + rest.map { llama3($0.role.rawValue, $0.content) }.joined()
        case .llama2: return try llama2(messages)
        case .mistral(let user, let assistant):
            if first.role == .system { throw wrongRoles("this template allows no system message") }
            try checkAlternation(messages)
            return beginning
                + messages.map { message in
                    let parts = message.role == .user ? user : assistant
                    return parts[0] + message.content + parts[1].replacingNUL(with: end)
                }.joined()
        case .mistralWithSystem: return try mistralWithSystem(messages)
        }
    }

    private func chatML(_ role: String, _ content: String) -> String {
        "<|im_start|>" + role + "\n" + content + "<|im_end|>\n"
    }

    /// Only replies after the last question keep their thoughts; the last message has the frame of them in any case.
    private func qwen3(_ messages: [ChatMessage]) -> String {
        let lastQuery =
            messages.lastIndex { message in
                message.role == .user
                    && !(message.content.hasExactPrefix("<tool_response>")
                        && message.content.hasExactSuffix("</tool_response>"))
            } ?? messages.count - 1
        var text = ""
        for (index, message) in messages.enumerated() {
            guard message.role == .assistant else {
                text += chatML(message.role.rawValue, message.content)
                continue
            }
            var thoughts = ""
            var content = message.content
            let parts = content.pieces(separatedBy: "</think>")
            if let reasoning = message.reasoning {
                thoughts = reasoning
            } else if parts.count > 1, let before = parts.first, let after = parts.last {
                let opened = before.trimmingNewlines(leading: false).pieces(separatedBy: "<think>").last ?? ""
                thoughts = opened.trimmingNewlines(trailing: false)
                content = after.trimmingNewlines(trailing: false)
            }
            let isLast = index == messages.count - 1
            if index > lastQuery, isLast || !thoughts.isEmpty {
                content = framed(thoughts, content)
            }
            text += chatML("assistant", content)
        }
        return text
    }

    /// A reply after its thoughts, as Qwen 3 writes it.
    func framed(_ thoughts: String, _ content: String) -> String {
        "<think>\n" + thoughts.trimmingNewlines() + "\n</think>\n\n" + content.trimmingNewlines(trailing: false)
    }

    private func llama3Header(_ role: String) -> String { "<|start_header_id|>" + role + "<|end_header_id|>\n\n" }

    private func llama3(_ role: String, _ content: String) -> String {
        llama3Header(role) + stripped(content) + "<|eot_id|>"
    }

    private func llama2(_ messages: [ChatMessage]) throws(Fault) -> String {
        let (system, rest) = split(messages)
        try checkAlternation(rest)
        var text = ""
        for (index, message) in rest.enumerated() {
            if message.role == .assistant {
                text += " " + stripped(message.content) + " " + end
            } else {
                let prompt = index == 0 ? system.map { "<<SYS>>\n" + $0 + "\n<</SYS>>\n\n" } ?? "" : ""
                text += beginning + "[INST] " + stripped(prompt + message.content) + " [/INST]"
            }
        }
        return text
    }

    private func mistralWithSystem(_ messages: [ChatMessage]) throws(Fault) -> String {
        let (system, rest) = split(messages)
        try checkAlternation(rest)
        // The system message stands in the last message, and only if that is the user's.
        var text = beginning
        for (index, message) in rest.enumerated() {
            if message.role == .assistant {
                text += " " + stripped(message.content) + end
            } else {
                let prompt = index == rest.count - 1 ? system.map { $0 + "\n\n" } ?? "" : ""
                text += "[INST] " + prompt + message.content + "[/INST]"
            }
        }
        return text
    }

    private func split(_ messages: [ChatMessage]) -> (system: String?, rest: [ChatMessage]) {
        guard let first = messages.first, first.role == .system else { return (nil, messages) }
        return (first.content, Array(messages.dropFirst()))
    }

    private func checkAlternation(_ messages: [ChatMessage]) throws(Fault) {
        for (index, message) in messages.enumerated()
        where message.role != (index.isMultiple(of: 2) ? .user : .assistant) {
            throw wrongRoles("this template requires user and assistant to alternate, the user first")
        }
    }

    private func wrongRoles(_ summary: String) -> Fault {
        Fault(
            .badData, summary, found: "the chat template \(name)",
            advice: "leave the conversation out or change its roles")
    }

    /// Without white space at both ends, by the template language's idea of it.
    private func stripped(_ text: String) -> String {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.isWhitespace || ("\u{1C}"..."\u{1F}").contains(scalar)
        }
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, isSpace(first) { scalars.removeFirst() }
        while let last = scalars.last, isSpace(last) { scalars.removeLast() }
        return String(scalars)
    }
}

/// Scalar by scalar: Swift's own functions see grapheme clusters, in which a combining mark hides the newline before
/// it.
extension String {
    fileprivate func trimmingNewlines(leading: Bool = true, trailing: Bool = true) -> String {
        var scalars = unicodeScalars[...]
        while leading, scalars.first == "\n" { scalars.removeFirst() }
        while trailing, scalars.last == "\n" { scalars.removeLast() }
        return String(scalars)
    }

    fileprivate func hasExactPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
    fileprivate func hasExactSuffix(_ suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }

    fileprivate func pieces(separatedBy separator: String) -> [String] {
        let wanted = Array(separator.utf8)
        let bytes = Array(utf8)
        var pieces: [String] = []
        var start = 0
        var at = 0
        while at + wanted.count <= bytes.count {
            if bytes[at] == wanted[0], bytes[at..<at + wanted.count].elementsEqual(wanted) {
                pieces.append(String(decoding: bytes[start..<at], as: UTF8.self))
                at += wanted.count
                start = at
            } else {
                at += 1
            }
        }
        return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    fileprivate func replacingNUL(with text: String) -> String {
        unicodeScalars.map { $0 == "\0" ? text : String($0) }.joined()
    }
}
