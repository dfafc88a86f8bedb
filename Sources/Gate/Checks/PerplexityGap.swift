#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How much of what pruning cost was won back.
public enum PerplexityGap {
    /// Below this share of the dense model's perplexity there is no gap to speak of.
    static let least = 1e-3

    /// The share of the gap in log-perplexity to the dense model that recovery closed:
    ///
    ///     (ln before − ln after) / (ln before − ln dense)
    ///
    /// 1 is all of it, 0 none; it is negative where the model got worse, and above 1 where it is better than the dense
    /// one.
    ///
    /// - Parameters: perplexities.
    /// - Returns: nil where pruning left no gap, or where a perplexity is not a positive number.
    public static func closed(dense: Double, before: Double, after: Double) -> Double? {
        guard [dense, before, after].allSatisfy({ $0.isFinite && $0 > 0 }), before > dense * (1 + least) else {
            return nil
        }
        return log(before / after) / log(before / dense)
    }
}
