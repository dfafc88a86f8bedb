import Faults

extension ChatTemplate {
    /// The conversation as the model's template would give it, special tokens included, without the opening of a reply.
    ///
    /// - Throws: `Fault` of kind `badData` for an order of roles that the template refuses.
    public func rendered(_ messages: [ChatMessage]) throws(Fault) -> String { try marked(messages).text }

    /// The same, with what the assistant says: its words and what ends its turn, without the header of its role.
    func marked(_ messages: [ChatMessage]) throws(Fault) -> MarkedText {
        guard let first = messages.first else {
            throw Fault(.badData, "a conversation has no messages", expected: "at least one message")
        }
        var text = MarkedText()
        switch style {
        case .chatML(let defaultSystem):
            if first.role != .system, let defaultSystem { chatML(.system, defaultSystem, &text) }
            for message in messages { chatML(message.role, message.content, &text) }
        case .qwen3: qwen3(messages, &text)
        case .zephyr:
            for message in messages {
                text.append(message.role, "<|\(message.role.rawValue)|>\n", message.content + end, "\n")
            }
        case .llama3(let endsWithHeader):
            text.append(beginning)
            for message in messages { llama3(message, &text) }
            if endsWithHeader { text.append(assistantHeader) }
        case .llama31(let date):
            let (system, rest) = split(messages)
            let preamble = "Cutting Knowledge Date: December 2023\nToday Date: \(date)\n\n"
            text.append(beginning + llama3Header("system") + preamble + stripped(system ?? "") + "<|eot_id|>")
            for message in rest { llama3(message, &text) }
        case .llama2: try llama2(messages, &text)
        case .mistral(let user, let assistant):
            if first.role == .system { throw wrongRoles("this template allows no system message") }
            try checkAlternation(messages)
            text.append(beginning)
            for message in messages {
                guard message.role == .assistant else {
                    text.append(user[0] + message.content + user[1])
                    continue
                }
                let (closing, rest) = assistant[1].parted(atNULFor: end)
                text.append(.assistant, "", assistant[0] + message.content + closing, rest)
            }
        case .mistralWithSystem: try mistralWithSystem(messages, &text)
        }
        return text
    }

    private func chatML(_ role: ChatMessage.Role, _ content: String, _ text: inout MarkedText) {
        text.append(role, "<|im_start|>" + role.rawValue + "\n", content + "<|im_end|>", "\n")
    }

    /// Only replies after the last question keep their thoughts; the last message has the frame of them in any case.
    private func qwen3(_ messages: [ChatMessage], _ text: inout MarkedText) {
        let lastQuery =
            messages.lastIndex { message in
                message.role == .user
                    && !(message.content.hasExactPrefix("<tool_response>")
                        && message.content.hasExactSuffix("</tool_response>"))
            } ?? messages.count - 1
        for (index, message) in messages.enumerated() {
            guard message.role == .assistant else {
                chatML(message.role, message.content, &text)
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
            chatML(.assistant, content, &text)
        }
    }

    /// A reply after its thoughts, as Qwen 3 writes it.
    func framed(_ thoughts: String, _ content: String) -> String {
        "<think>\n" + thoughts.trimmingNewlines() + "\n</think>\n\n" + content.trimmingNewlines(trailing: false)
    }

    func llama3Header(_ role: String) -> String { "<|start_header_id|>" + role + "<|end_header_id|>\n\n" }

    private func llama3(_ message: ChatMessage, _ text: inout MarkedText) {
        text.append(message.role, llama3Header(message.role.rawValue), stripped(message.content) + "<|eot_id|>")
    }

    private func llama2(_ messages: [ChatMessage], _ text: inout MarkedText) throws(Fault) {
        let (system, rest) = split(messages)
        try checkAlternation(rest)
        for (index, message) in rest.enumerated() {
            if message.role == .assistant {
                text.append(.assistant, "", " " + stripped(message.content) + " " + end)
            } else {
                let prompt = index == 0 ? system.map { "<<SYS>>\n" + $0 + "\n<</SYS>>\n\n" } ?? "" : ""
                text.append(beginning + "[INST] " + stripped(prompt + message.content) + " [/INST]")
            }
        }
    }

    private func mistralWithSystem(_ messages: [ChatMessage], _ text: inout MarkedText) throws(Fault) {
        let (system, rest) = split(messages)
        try checkAlternation(rest)
        // The system message stands in the last message, and only if that is the user's.
        text.append(beginning)
        for (index, message) in rest.enumerated() {
            if message.role == .assistant {
                text.append(.assistant, "", " " + stripped(message.content) + end)
            } else {
                let prompt = index == rest.count - 1 ? system.map { $0 + "\n\n" } ?? "" : ""
                text.append("[INST] " + prompt + message.content + "[/INST]")
            }
        }
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

    /// What stands up to a NUL, for which the text given is put, and what stands after it.
    fileprivate func parted(atNULFor text: String) -> (String, String) {
        let parts = unicodeScalars.split(separator: "\0", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]) + (parts.count > 1 ? text : ""), parts.count > 1 ? String(parts[1]) : "")
    }
}
