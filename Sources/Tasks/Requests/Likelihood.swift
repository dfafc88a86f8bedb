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
