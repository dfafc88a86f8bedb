/// A distribution: the level of every sub-layer.
public typealias Genome = [Int]

/// What a search may choose from, and what it may cost.
public struct SearchSpace: Equatable, Sendable {
    /// Parameters of each level of each sub-layer, falling from dense.
    public let parameters: [[Int]]
    /// The most parameters that may stay.
    public let budget: Int

    public init(parameters: [[Int]], budget: Int) {
        self.parameters = parameters
        self.budget = budget
    }

    public var dense: Int { parameters.reduce(0) { $0 + ($1.first ?? 0) } }
    public var least: Int { parameters.reduce(0) { $0 + ($1.last ?? 0) } }

    public func parameters(_ genome: Genome) -> Int { zip(parameters, genome).reduce(0) { $0 + $1.0[$1.1] } }
    public func fits(_ genome: Genome) -> Bool { parameters(genome) <= budget }
}

/// The distribution of the smallest sum of costs within the budget, exactly up to the rounding of parameters: a
/// multiple-choice knapsack, solved by dynamic programming over the parameters that stay.
public enum ExactAllocation {
    /// Cells into which the budget is divided; parameters are rounded up to them, so that the budget holds.
    static let cells = 8192

    /// - Parameters:
    ///   - costs: of each level of each sub-layer.
    ///   - allowed: levels that each sub-layer may take; nil is all.
    /// - Returns: nil when nothing fits.
    public static func solve(_ space: SearchSpace, costs: [[Double]], allowed: [ClosedRange<Int>]? = nil) -> Genome? {
        let unit = max(1, (space.budget + cells - 1) / cells)
        let size = space.budget / unit
        // best[c]: the least cost with at most c cells.
        var best = [Double](repeating: 0, count: size + 1)
        var choices: [[UInt8]] = []
        for (gene, levels) in space.parameters.enumerated() {
            var next = [Double](repeating: .infinity, count: size + 1)
            var choice = [UInt8](repeating: 0, count: size + 1)
            for level in levels.indices where allowed?[gene].contains(level) ?? true {
                let weight = (levels[level] + unit - 1) / unit
                let cost = costs[gene][level]
                guard weight <= size, cost.isFinite else { continue }
                for cell in weight...size where best[cell - weight] + cost < next[cell] {
                    next[cell] = best[cell - weight] + cost
                    choice[cell] = UInt8(level)
                }
            }
            best = next
            choices.append(choice)
        }
        guard best[size].isFinite else { return nil }
        var genome = Genome(repeating: 0, count: choices.count)
        var cell = size
        for gene in choices.indices.reversed() {
            genome[gene] = Int(choices[gene][cell])
            cell -= (space.parameters[gene][genome[gene]] + unit - 1) / unit
        }
        return genome
    }
}
