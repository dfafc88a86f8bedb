#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A reference beside what a server tells, which is less than a whole prediction.
extension WatchReference {
    /// The divergence of a prediction at a position, over the tokens that both the reference and the server name; all
    /// others are put together, which never adds divergence.
    ///
    /// - Parameter named: ln q of tokens, in nats.
    public func divergence(at position: Int, named: [Int32: Double]) -> Double {
        let range = position * topCount..<(position + 1) * topCount
        var (dense, model): ([Float], [Float]) = ([], [])
        for (id, p) in zip(topTokens[range], topLogProbabilities[range]) {
            guard let q = named[id] else { continue }
            dense.append(p)
            model.append(Float(q))
        }
        return PartitionDivergence.of(dense: dense, rest: PartitionDivergence.rest(dense), model: model)
    }

    /// How much less likely the dense model finds a token than its own choice, in nats: ln p(choice) − ln p(token). Of
    /// a token that it does not name only its bound is known, the probability of all those together.
    ///
    /// - Parameter isToken: whether a token is the one that was written.
    public func loss(at position: Int, where isToken: (Int32) -> Bool) -> Double {
        let range = position * topCount..<(position + 1) * topCount
        guard let best = topLogProbabilities[range].first else { return .nan }
        if let index = range.first(where: { isToken(topTokens[$0]) }) {
            return Double(best - topLogProbabilities[index])
        }
        return max(0, Double(best) - log(max(Double(rest[position]), PartitionDivergence.leastRest)))
    }
}
