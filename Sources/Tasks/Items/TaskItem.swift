/// One question of a task, in the form in which it is scored.
public enum TaskItem: Equatable, Sendable {
    /// Which of the choices is likeliest after the prompt?
    case choices(prompt: String, choices: [String], gold: Int)
    /// After which of the prompts is the suffix likeliest?
    case prompts([String], suffix: String, gold: Int)
    /// Is the target what the model would write after the prompt? The target is taken as it is, its leading blank
    /// included.
    case completion(prompt: String, target: String)
    /// How likely is the text? Words and bytes are those of the original, before it was detokenised.
    case text(String, words: Int, bytes: Int)
}

extension TaskItem {
    /// What is asked of the model, one request for each choice; none for a running text.
    ///
    /// - Parameters:
    ///   - preamble: what stands before the prompt: the task's description and solved examples.
    ///   - delimiter: what separates prompt and answer.
    public func requests(preamble: String = "", delimiter: String = " ") -> [TextRequest] {
        switch self {
        case .choices(let prompt, let choices, _):
            choices.map { TextRequest(context: preamble + prompt, continuation: delimiter + $0) }
        case .prompts(let prompts, let suffix, _):
            prompts.map { TextRequest(context: preamble + $0, continuation: delimiter + suffix) }
        case .completion(let prompt, let target):
            [TextRequest(context: preamble + prompt, continuation: target)]
        case .text: []
        }
    }

    /// What is right, as lm-evaluation-harness writes it: a choice's number, or the text that follows whatever is
    /// chosen; nothing for a running text.
    public var target: String? {
        switch self {
        case .choices(_, _, let gold): "\(gold)"
        case .prompts(_, let suffix, _): suffix
        case .completion(_, let target): target
        case .text: nil
        }
    }

    /// The item with its answer, as it stands before another one. A completion's target brings its own blank, and gets
    /// the delimiter too: so it is in lm-evaluation-harness.
    func example(delimiter: String) -> String {
        switch self {
        case .choices(let prompt, let choices, let gold): prompt + delimiter + choices[gold] + "\n\n"
        case .prompts(let prompts, let suffix, let gold): prompts[gold] + delimiter + suffix + "\n\n"
        case .completion(let prompt, let target): prompt + delimiter + target + "\n\n"
        case .text(let text, _, _): delimiter + text + "\n\n"
        }
    }
}

/// A context and what shall follow it.
public struct TextRequest: Equatable, Sendable {
    public var context: String
    public var continuation: String

    public init(context: String, continuation: String) {
        self.context = context
        self.continuation = continuation
    }
}
