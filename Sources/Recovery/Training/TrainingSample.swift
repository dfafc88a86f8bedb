/// A sequence to train on.
public struct TrainingSample: Equatable, Sendable {
    public let tokens: [Int32]
    /// For each token whether the prediction of it counts; nil counts all.
    public let counted: [Bool]?

    public init(_ tokens: [Int32], counted: [Bool]? = nil) { (self.tokens, self.counted) = (tokens, counted) }

    /// The token after each position; -1 where it does not count. The last position has none after it.
    var targets: [Int64] {
        tokens.indices.map { index in
            let next = index + 1
            return next < tokens.count && counted?[next] ?? true ? Int64(tokens[next]) : -1
        }
    }

    /// Positions that count.
    var positions: Int { counted.map { $0.dropFirst().count { $0 } } ?? max(0, tokens.count - 1) }
}
