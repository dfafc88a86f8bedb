import Recipes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The step size of every step: it rises linearly, then falls.
public struct LearningRate: Equatable, Sendable {
    public var highest: Double
    /// The share of the steps over which it rises.
    public var warmup: Double
    public var decay: RateDecay
    /// What it falls to, as a share of the highest.
    public var last: Double

    public init(highest: Double, warmup: Double = 0.05, decay: RateDecay = .cosine, last: Double = 0) {
        (self.highest, self.warmup, self.decay, self.last) = (highest, warmup, decay, last)
    }

    /// - Parameter step: 1-based.
    public func rate(step: Int, of steps: Int) -> Double {
        let rise = max(1, (warmup * Double(steps)).rounded())
        if Double(step) < rise { return highest * Double(step) / rise }
        let left = max(1, Double(steps) - rise)
        let done = min(1, (Double(step) - rise) / left)
        let share =
            switch decay {
            case .constant: 1.0
            case .linear: 1 - done
            case .cosine: 0.5 * (1 + cos(Double.pi * done))
            }
        return highest * (last + (1 - last) * share)
    }
}
