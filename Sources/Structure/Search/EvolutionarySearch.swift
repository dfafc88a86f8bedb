import Faults
import Randomness

/// The search of Týr-the-Pruner: offspring of one parent by moves between sub-layers, selected in stages on growing
/// numbers of tokens; the parent stands in the last stage beside them and stays unless one is better.
public struct EvolutionarySearch {
    public struct Options: Equatable, Sendable {
        public var generations = 50
        public var offspring = 128
        /// Survivors of each stage; the last is 1.
        public var survivors = [16, 4, 1]
        /// The most moves of one offspring.
        public var mutations = 3

        public init() {}
    }

    /// Fitness of genomes on the data of a stage: smaller is better.
    public typealias Judge = (_ genomes: [Genome], _ stage: Int) throws(Fault) -> [Double]

    /// A generation that is over.
    public struct Generation: Equatable, Sendable {
        public var number: Int
        public var genome: Genome
        /// On the last stage's data.
        public var fitness: Double
        public var evaluated: Int
    }

    public let space: SearchSpace
    public var options: Options

    public init(space: SearchSpace, options: Options = Options()) {
        self.space = space
        self.options = options
    }

    /// One generation from a parent.
    ///
    /// - Parameter fitness: the parent's on the last stage.
    public func generation(
        _ number: Int, parent: Genome, fitness: Double, seed: UInt64, judge: Judge
    ) throws(Fault) -> Generation {
        var generator = SplitMix64(seed: seed ^ (UInt64(number) &* 0x9E37_79B9_7F4A_7C15))
        var pool = offspring(of: parent, generator: &generator)
        var result = Generation(number: number, genome: parent, fitness: fitness, evaluated: 0)
        for (stage, survivors) in options.survivors.enumerated() {
            guard !pool.isEmpty else { return result }
            let scores = try judge(pool, stage)
            result.evaluated += pool.count
            // A fitness that is no number sorts last; equal ones keep their order.
            let order = pool.indices.sorted {
                let (a, b) = (scores[$0].isNaN ? .infinity : scores[$0], scores[$1].isNaN ? .infinity : scores[$1])
                return (a, $0) < (b, $1)
            }
            if stage == options.survivors.count - 1 {
                if let best = order.first, scores[best] < fitness {
                    (result.genome, result.fitness) = (pool[best], scores[best])
                }
                return result
            }
            pool = order.prefix(survivors).map { pool[$0] }
        }
        return result
    }

    /// Different genomes within the budget, none the parent; fewer than asked where there are no more.
    func offspring(of parent: Genome, generator: inout SplitMix64) -> [Genome] {
        var seen: Set<Genome> = [parent]
        var list: [Genome] = []
        // A space with few neighbours runs dry.
        for _ in 0..<options.offspring * 20 where list.count < options.offspring {
            let first = Int(generator.next() % UInt64(options.mutations))
            let second = Int(generator.next() % UInt64(options.mutations))
            var child = parent
            for _ in 0...min(first, second) { child = moved(child, generator: &generator) ?? child }
            if seen.insert(child).inserted { list.append(child) }
        }
        return list
    }

    /// One sub-layer down by a level and as many others up as the budget then allows: one where that is enough.
    private func moved(_ genome: Genome, generator: inout SplitMix64) -> Genome? {
        let shrinking = genome.indices.filter { genome[$0] + 1 < space.sizes[$0].count }
        guard !shrinking.isEmpty else { return nil }
        var child = genome
        let from = shrinking[Int(generator.next() % UInt64(shrinking.count))]
        child[from] += 1
        // The room that this makes goes to sub-layers of the same budget drawn in turn, a level each, while one fits.
        let pool = space.pool(of: from)
        var isFirst = true
        while true {
            let room = space.room(child, in: pool)
            let growing = pool.genes.filter { gene in
                gene != from && child[gene] > 0
                    && space.sizes[gene][child[gene] - 1] - space.sizes[gene][child[gene]] <= room
            }
            guard !growing.isEmpty else { return isFirst ? nil : child }
            child[growing[Int(generator.next() % UInt64(growing.count))]] -= 1
            isFirst = false
        }
    }
}
