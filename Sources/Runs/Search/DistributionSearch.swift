import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Structure
import Torch

/// Finds the level of every sub-layer, by KL to the dense model on samples that no candidate was made from.
///
/// 1. What each level of each sub-layer costs by itself, the rest dense, to second order (`DivergenceCosts`); the
///    distribution of the smallest sum of these costs within the budget, solved exactly.
/// 2. From there, again and again: what one level more or less of each sub-layer costs *now*; the exact solution among
///    these neighbours, which many sub-layers may change at once; kept where the model is really better, else tried
///    with fewer changes.
/// 3. Týr-the-Pruner's evolutionary search from the result.
///
/// Every step is a line of the journal, and an interrupted search continues after the last one.
struct DistributionSearch {
    /// A step that is over.
    struct Step: Equatable {
        var kind: String
        /// On all samples of the search, whatever the step itself looked at.
        var fitness: Double
        var genome: Genome

        var json: JSONValue {
            .object([
                "kind": .string("search"), "step": .string(kind), "fitness": .double(fitness),
                "genome": .array(genome.map(JSONValue.integer)),
            ])
        }

        init(kind: String, fitness: Double, genome: Genome) {
            (self.kind, self.fitness, self.genome) = (kind, fitness, genome)
        }

        init?(json: JSONValue) {
            guard let object = json.objectValue, object["kind"]?.stringValue == "search",
                let kind = object["step"]?.stringValue, let fitness = object["fitness"]?.doubleValue,
                let genome = object["genome"]?.arrayValue?.compactMap(\.integerValue)
            else { return nil }
            self.init(kind: kind, fitness: fitness, genome: genome)
        }
    }

    let model: SearchModel
    let space: SearchSpace
    let options: SearchOptions
    let seed: UInt64
    let journal: Journal
    let events: EventHandler
    let progress: (Double) -> Void

    /// The stage on which all samples are looked at.
    var last: Int { options.stages.count - 1 }

    /// Where a search begins.
    enum Start {
        /// At what the costs of all levels say, or at uniform where that is better; costs are nil where the step that
        /// follows from them is over.
        case measured(uniform: Genome, costs: [[Double]]?)
        /// As published.
        case uniform(Genome)
        /// At what an iteration with coarser levels found.
        case found(Genome)

        /// The kind of the step that does not begin at uniform.
        static let step = "start"
    }

    /// - Parameter committed: steps that an earlier, interrupted run finished.
    /// - Throws: `usage` when nothing fits the budgets.
    func run(committed: [Step], from start: Start) throws(Fault) -> [Step] {
        var steps = committed
        switch start {
        case .uniform(let genome): try begin(&steps, 1, "uniform", genome)
        case .found(let genome): try begin(&steps, 1, Start.step, genome)
        case .measured(let uniform, let costs):
            let fits = space.fits(uniform)
            if fits { try begin(&steps, 1, "uniform", uniform) }
            let count = fits ? 2 : 1
            if steps.count < count, let costs, let genome = ExactAllocation.solve(space, costs: costs) {
                try begin(&steps, count, Start.step, genome)
            }
        }
        try refine(&steps)
        try evolve(&steps)
        return steps
    }

    /// On all samples.
    private func fitness(_ genome: Genome) throws(Fault) -> Double {
        try model.fitness([genome], stage: last)[0]
    }

    /// A step without a search, unless the journal has it; it never goes back after the one before.
    private func begin(_ steps: inout [Step], _ count: Int, _ kind: String, _ genome: Genome) throws(Fault) {
        guard steps.count < count else { return }
        guard space.fits(genome) else {
            throw Fault(.usage, "no distribution fits the budget", advice: "ask for less sparsity")
        }
        var step = Step(kind: kind, fitness: try fitness(genome), genome: genome)
        if let before = steps.last, before.fitness < step.fitness {
            step = Step(kind: kind, fitness: before.fitness, genome: before.genome)
        }
        steps.append(try commit(step))
    }

    /// - Parameter part: which of how many of its kind.
    func commit(_ step: Step, _ part: (number: Int, of: Int)? = nil) throws(Fault) -> Step {
        try journal.append(step.json)
        let place = part.map { " \($0.number) of \($0.of)" } ?? ""
        events(.note("search, \(step.kind)\(place): KL \((step.fitness * 1e4).rounded() / 1e4)"))
        return step
    }

    /// Exact solutions of the costs around the current distribution.
    private func refine(_ steps: inout [Step]) throws(Fault) {
        let done = steps.count { $0.kind == "round" }
        for round in done..<max(done, options.rounds) {
            guard let current = steps.last, !steps.contains(where: { $0.kind == "generation" }) else { return }
            // The round before found nothing better.
            if current.kind == "round", steps[steps.count - 2].genome == current.genome { return }
            model.setParent(current.genome)
            let allowed = space.sizes.indices.map { gene in
                let level = current.genome[gene]
                return max(0, level - 1)...min(space.sizes[gene].count - 1, level + 1)
            }
            // The current distribution, and after it all that differ by one level of one sub-layer.
            var genomes = [current.genome]
            var places: [(gene: Int, level: Int)] = []
            for gene in space.sizes.indices {
                for level in allowed[gene] where level != current.genome[gene] {
                    var genome = current.genome
                    genome[gene] = level
                    genomes.append(genome)
                    places.append((gene, level))
                }
            }
            let found = try model.fitness(genomes, stage: 0) {
                progress(0.4 + 0.4 * (Double(round) + $0) / Double(options.rounds))
            }
            var costs = space.sizes.map { [Double](repeating: .infinity, count: $0.count) }
            for gene in costs.indices { costs[gene][current.genome[gene]] = 0 }
            for (place, value) in zip(places, found.dropFirst()) { costs[place.gene][place.level] = value - found[0] }
            Machine.returnFreedMemory()
            let next = try best(current, costs: costs, allowed: allowed)
            steps.append(
                try commit(
                    Step(kind: "round", fitness: next.fitness, genome: next.genome), (round + 1, options.rounds)))
        }
    }

    /// The exact solution among the neighbours; where it is worse than the sum of costs promised and than the current
    /// distribution, one with fewer changes: a cost for every change, doubled until it helps.
    private func best(
        _ current: Step, costs: [[Double]], allowed: [ClosedRange<Int>]
    ) throws(Fault) -> (genome: Genome, fitness: Double) {
        var toll = 0.0
        let scale = costs.joined().filter { $0.isFinite && $0 > 0 }.sorted()
        let typical = scale.isEmpty ? 0 : scale[scale.count / 2]
        var tried: Set<Genome> = [current.genome]
        for _ in 0..<6 {
            let tolled = costs.enumerated().map { gene, row in
                row.enumerated().map { level, cost in cost + (level == current.genome[gene] ? 0 : toll) }
            }
            if let genome = ExactAllocation.solve(space, costs: tolled, allowed: allowed),
                tried.insert(genome).inserted
            {
                let fitness = try fitness(genome)
                if fitness < current.fitness { return (genome, fitness) }
            }
            toll = toll == 0 ? typical / 4 : toll * 2
        }
        return (current.genome, current.fitness)
    }

    private func evolve(_ steps: inout [Step]) throws(Fault) {
        let done = steps.count { $0.kind == "generation" }
        guard done < options.generations, let last = steps.last else { return }
        var evolution = EvolutionarySearch.Options()
        (evolution.offspring, evolution.survivors) = (options.offspring, options.stages.map(\.survivors))
        let search = EvolutionarySearch(space: space, options: evolution)
        var (genome, fitness) = (last.genome, last.fitness)
        model.setParent(genome)
        for number in done..<options.generations {
            let next = try search.generation(number, parent: genome, fitness: fitness, seed: seed) {
                (genomes, stage) throws(Fault) in try model.fitness(genomes, stage: stage)
            }
            (genome, fitness) = (next.genome, next.fitness)
            model.setParent(genome)
            Machine.returnFreedMemory()
            steps.append(
                try commit(
                    Step(kind: "generation", fitness: fitness, genome: genome), (number + 1, options.generations)))
            progress(0.8 + 0.2 * Double(number + 1) / Double(options.generations))
        }
    }
}
