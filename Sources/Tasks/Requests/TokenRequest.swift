/// Tokens given to a model, and tokens whose likelihood after them is asked for.
public struct TokenRequest: Equatable, Sendable {
    /// What the model sees: context and continuation without its last token.
    public var input: [Int32]
    /// The continuation: token k is predicted at position `input.count − targets.count + k` of the input.
    public var targets: [Int32]

    public init(input: [Int32], targets: [Int32]) {
        self.input = input
        self.targets = targets
    }

    /// A continuation after a context; what is longer than the model's context plus one is cut on the left.
    ///
    /// - Parameter limit: tokens that the model can see.
    init(context: some Collection<Int32>, continuation: some Collection<Int32>, limit: Int) {
        let whole = (Array(context) + continuation).suffix(limit + 1)
        input = Array(whole.dropLast())
        targets = Array(continuation)
    }
}

/// What a model says to a request.
public struct Likelihood: Equatable, Sendable {
    /// The sum of the continuation's log-probabilities, in nats.
    public var logProbability: Double
    /// Whether every token of the continuation is the likeliest one at its place.
    public var isGreedy: Bool

    public init(logProbability: Double, isGreedy: Bool) {
        self.logProbability = logProbability
        self.isGreedy = isGreedy
    }
}
