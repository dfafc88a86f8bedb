/// A figure of a task, under lm-evaluation-harness' name.
public enum TaskMetric: String, CaseIterable, Sendable {
    /// The fraction of items whose likeliest choice is right; of a completion, that the model would write itself.
    case accuracy = "acc"
    /// The same with each choice's log-likelihood divided by its Unicode scalars.
    case normalizedAccuracy = "acc_norm"
    /// exp(−mean log-likelihood of a completion)
    case perplexity
    /// exp(−log-likelihood of all texts / their words)
    case wordPerplexity = "word_perplexity"
    /// The same for each byte of UTF-8.
    case bytePerplexity = "byte_perplexity"
    /// log₂ of the latter.
    case bitsPerByte = "bits_per_byte"

    public var higherIsBetter: Bool { self == .accuracy || self == .normalizedAccuracy }
}

/// A figure with its standard error, where there is one.
public struct TaskValue: Equatable, Sendable {
    public var metric: TaskMetric
    public var value: Double
    public var standardError: Double?
}
