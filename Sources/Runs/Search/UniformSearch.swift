import Faults
import Structure

/// The best plain model within a budget: some layers dropped whole, the same heads and the same width in all others.
///
/// Layers are dropped one after the other, each time the one whose loss then costs the least KL, tried among those that
/// were cheapest by themselves. For every number of them and every shape of attention the widest MLP that fits is
/// measured, on a part of the samples; the best of them on all.
struct UniformSearch {
    let search: DistributionSearch
    /// What stays of every sub-layer at each level: the same units by number in all layers.
    let kept: [[KeptUnits]]
    /// Whether the family's layers may be numbered anew.
    let dropsLayers: Bool

    /// Layers that are tried at each drop, and distributions that are measured on all samples.
    private static let tried = 8
    static let finalists = 5

    private typealias Candidate = (genome: Genome, fitness: Double)

    private var space: SearchSpace { search.space }
    private var layers: Int { space.sizes.count / 2 }

    /// - Parameter committed: steps that an earlier, interrupted run put into the journal.
    /// - Throws: `usage` when nothing fits.
    func run(committed: Int) throws(Fault) -> [DistributionSearch.Step] {
        var candidates: [Candidate] = []
        var dropped: [Int] = []
        let order = dropsLayers ? try cheapest() : []
        while true {
            let narrowed = genomes(dropping: dropped)
            candidates += zip(narrowed, try search.model.fitness(narrowed, stage: 0)).map { ($0, $1) }
            search.progress(min(0.85, 0.1 + Double(candidates.count) / 100))
            // Where layers alone meet the budget, more of them are not needed.
            let whole = genome(dropping: dropped, attention: 0, mlp: 0)
            guard !space.fits(whole), dropped.count + 1 < layers,
                let next = try drop(after: dropped, among: order)
            else { break }
            dropped.append(next)
        }
        guard !candidates.isEmpty else {
            throw Fault(
                .usage, "no common shape of all layers fits the budget",
                advice: "ask for less sparsity, or leave --uniform out")
        }
        let best = candidates.enumerated().sorted { ($0.element.fitness, $0.offset) < ($1.element.fitness, $1.offset) }
        var steps: [DistributionSearch.Step] = []
        let finalists = best.prefix(UniformSearch.finalists).reversed().map(\.element.genome)
        let fitnesses = try search.model.fitness(finalists, stage: search.last) { search.progress(0.85 + 0.15 * $0) }
        for (genome, fitness) in zip(finalists, fitnesses) {
            steps.append(DistributionSearch.Step(kind: "uniform", fitness: fitness, genome: genome))
        }
        steps.sort { $0.fitness > $1.fitness }
        for (index, step) in steps.enumerated() where index >= committed {
            steps[index] = try search.commit(step, (index + 1, steps.count))
        }
        return steps
    }

    private func genome(dropping dropped: [Int], attention: Int, mlp: Int) -> Genome {
        var genome = Genome()
        for layer in 0..<layers {
            let isDropped = dropped.contains(layer)
            genome.append(isDropped ? space.sizes[2 * layer].count - 1 : attention)
            genome.append(isDropped ? space.sizes[2 * layer + 1].count - 1 : mlp)
        }
        return genome
    }

    /// For every shape of attention, the widest MLP that fits; both stay.
    private func genomes(dropping dropped: [Int]) -> [Genome] {
        let first = (0..<layers).first { !dropped.contains($0) } ?? 0
        return kept[2 * first].indices.compactMap { attention in
            guard !kept[2 * first][attention].isEmpty else { return nil }
            return kept[2 * first + 1].indices.lazy
                .filter { !kept[2 * first + 1][$0].isEmpty }
                .map { genome(dropping: dropped, attention: attention, mlp: $0) }
                .first(where: space.fits)
        }
    }

    /// Layers by the KL that their loss alone costs, the cheapest first.
    private func cheapest() throws(Fault) -> [Int] {
        guard kept.allSatisfy({ $0.last?.isEmpty == true }) else { return [] }
        let costs = try search.model.fitness(
            (0..<layers).map { genome(dropping: [$0], attention: 0, mlp: 0) }, stage: 0
        ) { search.progress(0.1 * $0) }
        return (0..<layers).sorted { (costs[$0], $0) < (costs[$1], $1) }
    }

    /// The layer to drop next.
    private func drop(after dropped: [Int], among order: [Int]) throws(Fault) -> Int? {
        let tried = Array(order.filter { !dropped.contains($0) }.prefix(UniformSearch.tried))
        let found = try search.model.fitness(
            tried.map { genome(dropping: dropped + [$0], attention: 0, mlp: 0) }, stage: 0)
        return zip(tried, found).filter { $0.1 < .infinity }.min { $0.1 < $1.1 }?.0
    }
}
