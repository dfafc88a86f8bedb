#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Kullback-Leibler divergence of two predictions after all tokens but k are put together.
///
/// With p the dense model's probabilities of its k likeliest tokens, q the model's of the same tokens:
///
///     Σ_k p·(ln p − ln q) + r·(ln r − ln s),   r = 1 − Σ p,  s = 1 − Σ q
///
/// in nats. Putting outcomes together never adds divergence (the data-processing inequality), so this is at most the
/// divergence over the whole vocabulary, and near it where the k tokens hold nearly all of the probability.
public enum PartitionDivergence {
    /// Below this the rest is rounding.
    static let leastRest = 1e-9

    /// - Parameters:
    ///   - dense: ln p of k tokens, in nats.
    ///   - rest: r
    ///   - model: ln q of the same tokens.
    /// - Returns: not a number when one of them is not.
    public static func of(
        dense: some Collection<Float>, rest: Float, model: some Collection<Float>
    ) -> Double {
        var sum = 0.0
        var mass = 0.0
        for (p, q) in zip(dense, model) {
            let (p, q) = (Double(p), Double(q))
            let probability = exp(p)
            // A token that the dense model never predicts adds nothing, whatever the other thinks of it.
            if probability > 0 { sum += probability * (p - q) }
            mass += exp(q)
        }
        let r = Double(rest)
        guard !mass.isNaN, !r.isNaN else { return .nan }
        if r > leastRest { sum += r * (log(r) - log(max(1 - mass, leastRest))) }
        return sum
    }

    /// 1 − Σ p, not below 0.
    public static func rest(_ logProbabilities: some Collection<Float>) -> Float {
        Float(max(0, 1 - logProbabilities.reduce(0.0) { $0 + exp(Double($1)) }))
    }
}
