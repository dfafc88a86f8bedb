import Faults

extension TextRecord {
    /// A prompt as a model meets it, and the answer that follows it.
    public struct Exchange: Equatable, Sendable {
        public var prompt: String
        public var completion: String?
        /// Whether the prompt holds the tokens that begin a text, as a rendered conversation does.
        public var isRendered = false
    }

    /// The record as one text.
    ///
    /// - Throws: `badData` for a conversation that the model's template cannot render.
    func document(_ chat: ChatTemplate.Choice) throws(Fault) -> DocumentFile.Document {
        switch content {
        case .text(let text): return .init(text: text)
        case .prompt(let prompt, let completion): return .init(joining: prompt, completion)
        case .conversation(let messages):
            return .init(try chat.template().marked(messages), isRendered: true)
        case .instruction(let instruction):
            if case .known(let template) = chat {
                return .init(try template.marked(instruction.messages), isRendered: true)
            }
            return .init(joining: instruction.prompt, instruction.output)
        }
    }

    /// The record as a server meets it.
    ///
    /// - Parameter chat: what the model offers for conversations; asked only where there is one.
    /// - Throws: `badData` for a conversation that the model's template cannot render.
    public func exchange(_ chat: () throws(Fault) -> ChatTemplate.Choice) throws(Fault) -> Exchange {
        switch content {
        case .text(let text): return Exchange(prompt: text)
        case .prompt(let prompt, let completion): return Exchange(prompt: prompt, completion: completion)
        case .conversation(let messages):
            let (prompt, reply) = try chat().template().exchange(messages)
            return Exchange(prompt: prompt, completion: reply, isRendered: true)
        case .instruction(let instruction):
            if case .known(let template) = try chat() {
                let (prompt, reply) = try template.exchange(instruction.messages)
                return Exchange(prompt: prompt, completion: reply, isRendered: true)
            }
            return Exchange(prompt: instruction.prompt, completion: instruction.output)
        }
    }
}
