/// An instruction of the Alpaca form, with what belongs to it.
public struct Instruction: Equatable, Sendable {
    var system: String?
    var instruction: String
    /// Empty for none.
    var input: String
    /// Nil where only a prompt is wanted.
    var output: String?

    /// As a conversation, for a model with a chat template.
    var messages: [ChatMessage] {
        var messages: [ChatMessage] = []
        if let system, !system.isEmpty { messages.append(ChatMessage(role: .system, content: system)) }
        messages.append(
            ChatMessage(role: .user, content: input.isEmpty ? instruction : instruction + "\n" + input))
        if let output { messages.append(ChatMessage(role: .assistant, content: output)) }
        return messages
    }

    /// The text that Alpaca was trained on (Taori et al. 2023), up to the answer.
    var prompt: String {
        let opening = system.flatMap { $0.isEmpty ? nil : $0 + "\n\n" } ?? ""
        guard !input.isEmpty else {
            return opening + "Below is an instruction that describes a task. Write a response that appropriately "
                + "completes the request.\n\n### Instruction:\n\(instruction)\n\n### Response:\n"
        }
        return opening + "Below is an instruction that describes a task, paired with an input that provides further "
            + "context. Write a response that appropriately completes the request.\n\n### Instruction:\n\(instruction)"
            + "\n\n### Input:\n\(input)\n\n### Response:\n"
    }
}
