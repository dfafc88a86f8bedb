import Foundation

/// The sparsities at which one weight more costs the same in every linear.
///
/// What a linear costs is known at the target t and taken to grow exponentially with its sparsity s: c·e^{k(s − t)}.
/// Of all sparsities that remove as many weights as t does everywhere, Σ c·e^{k(s − t)} is least where
/// s = t − (log(c/n) − μ)/k, n weights in the linear, with one μ for all.
public struct BalancedSparsities: Sendable {
    /// Of each linear at the target.
    public let costs: [Double]
    public let weights: [Int]
    /// From 0 to 1.
    public let target: Double
    /// k, for a sparsity of 1.
    public let growth: Double

    public init(costs: [Double], weights: [Int], target: Double, growth: Double) {
        self.costs = costs
        self.weights = weights
        self.target = target
        self.growth = growth
    }

    /// Any sparsities.
    ///
    /// - Parameter spread: how far from the target they may come.
    /// - Returns: of each linear; their mean over the weights is the target.
    public func solve(spread: Double) -> [Double] {
        let total = Double(weights.reduce(0, +))
        let (least, most) = (max(0, target - spread), max(target, min(0.95, target + spread)))
        // A linear that costs nothing is taken for one that costs next to nothing.
        let logs = zip(costs, weights).map { log(max($0, .leastNormalMagnitude) / Double(max(1, $1))) }
        func sparsities(_ level: Double) -> [Double] {
            logs.map { min(most, max(least, target - ($0 - level) / growth)) }
        }
        func mean(_ fractions: [Double]) -> Double {
            zip(fractions, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / max(1, total)
        }
        guard let low = logs.min(), let high = logs.max() else { return [] }
        // The mean rises with μ, and the ends are beyond what a spread of 1 can ask for.
        var range = (low - growth, high + growth)
        for _ in 0..<100 {
            let middle = (range.0 + range.1) / 2
            if mean(sparsities(middle)) < target { range.0 = middle } else { range.1 = middle }
        }
        return sparsities(range.1)
    }

    /// Sparsities from a list, no fewer weights removed than at the target.
    ///
    /// - Parameter choices: rising.
    /// - Returns: of each linear, nil when nothing fits.
    public func solve(among choices: [Double]) -> [Double]? {
        let sizes = weights.map { count in choices.map { count - Int((Double(count) * $0).rounded()) } }
        let budget = weights.reduce(0) { $0 + $1 - Int((Double($1) * target).rounded()) }
        let costs = costs.map { cost in choices.map { $0 == 0 ? 0 : cost * exp(growth * ($0 - target)) } }
        return ExactAllocation.solve(SearchSpace(sizes: sizes, budget: budget), costs: costs)?.map { choices[$0] }
    }
}
