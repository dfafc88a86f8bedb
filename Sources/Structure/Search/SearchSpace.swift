/// A distribution: the level of every sub-layer.
public typealias Genome = [Int]

/// What a search may choose from, and what it may cost.
public struct SearchSpace: Equatable, Sendable {
    /// Sub-layers that share a budget.
    public struct Pool: Equatable, Sendable {
        public var genes: [Int]
        /// The most of it that may stay.
        public var budget: Int

        public init(genes: [Int], budget: Int) {
            self.genes = genes
            self.budget = budget
        }
    }

    /// What each level of each sub-layer takes of the budget, in any unit, from dense on.
    public let sizes: [[Int]]
    public let pools: [Pool]
    private let poolOfGene: [Int]

    /// - Parameter pools: every gene is in one of them.
    public init(sizes: [[Int]], pools: [Pool]) {
        self.sizes = sizes
        self.pools = pools
        var table = [Int](repeating: 0, count: sizes.count)
        for (index, pool) in pools.enumerated() { for gene in pool.genes { table[gene] = index } }
        poolOfGene = table
    }

    /// One budget for all.
    public init(sizes: [[Int]], budget: Int) {
        self.init(sizes: sizes, pools: [Pool(genes: Array(sizes.indices), budget: budget)])
    }

    /// What a distribution leaves free of a pool; negative where it takes too much.
    public func room(_ genome: Genome, in pool: Pool) -> Int {
        pool.budget - pool.genes.reduce(0) { $0 + sizes[$1][genome[$1]] }
    }

    public func fits(_ genome: Genome) -> Bool { pools.allSatisfy { room(genome, in: $0) >= 0 } }

    public func pool(of gene: Int) -> Pool { pools[poolOfGene[gene]] }

    /// The same share of its own size for every sub-layer of a budget, at the level at or below it.
    public var uniform: Genome {
        // Whole numbers may miss a share by less than one.
        let rounded = uniform(tolerance: 1)
        return fits(rounded) ? rounded : uniform(tolerance: 0)
    }

    private func uniform(tolerance: Double) -> Genome {
        var genome = Genome(repeating: 0, count: sizes.count)
        for pool in pools {
            let dense = pool.genes.reduce(0) { $0 + sizes[$1][0] }
            let share = Double(pool.budget) / Double(max(1, dense))
            for gene in pool.genes {
                let most = share * Double(sizes[gene][0]) + tolerance
                genome[gene] = sizes[gene].firstIndex { Double($0) <= most } ?? sizes[gene].count - 1
            }
        }
        return genome
    }

    /// The first pool whose budget is below what its sub-layers take at least, with that least.
    public var impossible: (pool: Pool, least: Int)? {
        for pool in pools {
            let least = pool.genes.reduce(0) { $0 + (sizes[$1].min() ?? 0) }
            if least > pool.budget { return (pool, least) }
        }
        return nil
    }
}

/// The distribution of the smallest sum of costs within the budgets, exactly up to the rounding of sizes: a
/// multiple-choice knapsack, solved by dynamic programming over what stays of each budget.
public enum ExactAllocation {
    /// Cells into which a budget is divided; sizes are rounded up to them, so that the budget holds.
    static let cells = 8192

    /// - Parameters:
    ///   - costs: of each level of each sub-layer.
    ///   - allowed: levels that each sub-layer may take; nil is all.
    /// - Returns: nil when nothing fits.
    public static func solve(_ space: SearchSpace, costs: [[Double]], allowed: [ClosedRange<Int>]? = nil) -> Genome? {
        var genome = Genome(repeating: 0, count: space.sizes.count)
        for pool in space.pools {
            guard let levels = solve(pool, space, costs: costs, allowed: allowed) else { return nil }
            for (gene, level) in zip(pool.genes, levels) { genome[gene] = level }
        }
        return genome
    }

    /// The levels of a pool's genes.
    private static func solve(
        _ pool: SearchSpace.Pool, _ space: SearchSpace, costs: [[Double]], allowed: [ClosedRange<Int>]?
    ) -> [Int]? {
        let unit = max(1, (pool.budget + cells - 1) / cells)
        let size = pool.budget / unit
        // best[c]: the least cost with at most c cells.
        var best = [Double](repeating: 0, count: size + 1)
        var choices: [[UInt8]] = []
        for gene in pool.genes {
            let levels = space.sizes[gene]
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
        var chosen = [Int](repeating: 0, count: choices.count)
        var cell = size
        for place in choices.indices.reversed() {
            chosen[place] = Int(choices[place][cell])
            cell -= (space.sizes[pool.genes[place]][chosen[place]] + unit - 1) / unit
        }
        return chosen
    }
}
