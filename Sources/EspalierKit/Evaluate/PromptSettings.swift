/// Which prompts `evaluate --against` compares two models on, and what it shows of them.
public struct PromptSettings: Equatable, Sendable {
    /// Logs, one JSON object a line.
    public var files: [String]
    /// How many of the prompts with the largest divergence both models continue.
    public var differences: Int
    /// New tokens of a continuation at most.
    public var continuation: Int
    /// The only key of the logs that is read; nil reads the usual forms.
    public var textField: String?

    /// Prompts whose continuations are shown.
    public static let defaultDifferences = 10
    /// Tokens of a continuation.
    public static let defaultContinuation = 64

    public init(
        files: [String] = [], differences: Int = PromptSettings.defaultDifferences,
        continuation: Int = PromptSettings.defaultContinuation
    ) {
        self.files = files
        self.differences = differences
        self.continuation = continuation
    }
}
