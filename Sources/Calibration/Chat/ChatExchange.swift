import Faults
import JSONText

extension ChatTemplate {
    /// A conversation as a server meets it: what the model is given, and what it answered.
    ///
    /// - Returns: the rendered conversation with the opening of a reply, as the template writes it when one is wanted;
    ///   and
    ///   the last message where that is the assistant's, as the model would write it, without its end token.
    /// - Throws: `badData` for an order of roles that the template refuses, and for a reply to nothing.
    public func exchange(_ messages: [ChatMessage]) throws(Fault) -> (prompt: String, reply: String?) {
        guard let last = messages.last, last.role == .assistant else {
            return (try rendered(messages) + replyOpening, nil)
        }
        let reply =
            if let reasoning = last.reasoning, case .qwen3 = style { framed(reasoning, last.content) } else {
                last.content
            }
        return (try rendered(messages.dropLast()) + replyOpening, replyLead + reply)
    }

    private var replyOpening: String {
        switch style {
        case .chatML, .qwen3: "<|im_start|>assistant\n"
        case .zephyr: "<|assistant|>\n"
        case .llama3(let endsWithHeader): endsWithHeader ? "" : assistantHeader
        case .llama31: assistantHeader
        case .llama2, .mistral, .mistralWithSystem: ""
        }
    }

    var assistantHeader: String { llama3Header("assistant") }

    /// What stands between the question's end and the reply's words.
    private var replyLead: String {
        switch style {
        case .llama2, .mistralWithSystem: " "
        case .mistral(_, let assistant): assistant[0]
        case .chatML, .qwen3, .zephyr, .llama3, .llama31: ""
        }
    }
}
