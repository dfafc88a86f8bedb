import Checkpoints
import Decoders
import Faults
import JSONText
import Recipes
import Structure
import Torch

/// Finds the level of every sub-layer, by KL to the dense model on samples that no candidate was made from.
///
/// 1. What each level of each sub-layer costs by itself, the rest dense; the distribution of the smallest sum of these
///    costs within the budget, solved exactly.
/// 2. From there, again and again: what one level more or less of each sub-layer costs *now*; the exact solution among
///    these neighbours, which many sub-layers may change at once; kept where the model is really better, else tried with
///    fewer changes.
/// 3. Týr-the-Pruner's evolutionary search from the result.
///
/// Every step is a line of the journal, and an interrupted search goes on behind the last one.
struct DistributionSearch {
    /// How far each part goes.
    struct Effort {
        /// The share of the levels whose cost is measured; between them it is interpolated.
        var probeEvery: Int
        var rounds: Int
        var generations: Int
        var offspring: Int
        var survivors: [Int]

        /// Levels of a sub-layer that are measured: every so many, and the last.
        func isProbed(_ level: Int, of levels: Int) -> Bool { level.isMultiple(of: probeEvery) || level == levels - 1 }
        func probes(of levels: Int) -> Int { (1..<max(1, levels)).count { isProbed($0, of: levels) } }

        init(_ effort: Recipes.Effort) {
            switch effort {
            case .quick: (probeEvery, rounds, generations, offspring, survivors) = (4, 1, 4, 8, [2, 1])
            case .default: (probeEvery, rounds, generations, offspring, survivors) = (2, 3, 12, 12, [4, 1])
            }
        }
    }

    /// A step that is over, for the report.
    struct Step: Equatable {
        var kind: String
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
    let effort: Effort
    let seed: UInt64
    let journal: Journal
    let events: EventHandler
    let progress: (Double) -> Void

    /// - Parameter lines: the journal's.
    func run(lines: [JSONValue]) throws(Fault) -> [Step] {
        var steps = lines.compactMap(Step.init(json:))
        let costs = try sensitivities(lines: lines)
        if steps.isEmpty {
            guard let genome = ExactAllocation.solve(space, costs: costs) else {
                throw Fault(
                    .usage, "the budget cannot be met", found: "at least \(space.least) parameters stay",
                    expected: "at most \(space.budget)", advice: "ask for less sparsity")
            }
            try model.setParent(genome)
            steps.append(try commit(Step(kind: "start", fitness: try model.fitness(genome, stage: 0), genome: genome)))
        }
        try refine(&steps)
        try evolve(&steps)
        return steps
    }

    private func commit(_ step: Step) throws(Fault) -> Step {
        try journal.append(step.json)
        events(.note("search, \(step.kind): KL \((step.fitness * 1e4).rounded() / 1e4)"))
        return step
    }

    /// The same level of attention, and the same of the MLP, in every layer: of all pairs within a level of the budget, the
    /// one of the smallest KL.
    ///
    /// - Throws: `usage` when no pair fits.
    func uniform(lines: [JSONValue]) throws(Fault) -> [Step] {
        var steps = lines.compactMap(Step.init(json:))
        let layers = space.parameters.count / 2
        let (heads, widths) = (space.parameters[0].count, space.parameters[1].count)
        func genome(_ attention: Int, _ mlp: Int) -> Genome { (0..<layers).flatMap { _ in [attention, mlp] } }
        var tried: [Genome] = []
        // A plain model has both sub-layers.
        for attention in 0..<heads where space.parameters[0][attention] > 0 {
            // The widest MLP that fits; what it leaves free is given back later.
            let mlp = (0..<widths).first { space.fits(genome(attention, $0)) }
            if let mlp, space.parameters[1][mlp] > 0 {
                tried.append(genome(attention, mlp))
            }
        }
        guard !tried.isEmpty else {
            throw Fault(
                .usage, "the budget cannot be met", found: "at least \(space.least) parameters stay",
                expected: "at most \(space.budget)", advice: "ask for less sparsity")
        }
        for (index, genome) in tried.enumerated() where index >= steps.count {
            steps.append(
                try commit(Step(kind: "uniform", fitness: try model.fitness(genome, stage: 1), genome: genome)))
            progress(Double(index + 1) / Double(tried.count))
        }
        // The best stands last, as after a search.
        if let best = steps.min(by: { $0.fitness < $1.fitness }) { steps.append(best) }
        return steps
    }

    /// KL of the model with one sub-layer at one level and the rest dense, for every level.
    private func sensitivities(lines: [JSONValue]) throws(Fault) -> [[Double]] {
        var costs: [[Double]] = lines.compactMap { line in
            guard line.objectValue?["kind"]?.stringValue == "sensitivity" else { return nil }
            return line.objectValue?["costs"]?.arrayValue?.map { $0.doubleValue ?? .nan }
        }
        for gene in costs.count..<space.parameters.count {
            let levels = space.parameters[gene].count
            var known: [Int: Double] = [0: 0]
            for level in 1..<max(1, levels) where effort.isProbed(level, of: levels) {
                var genome = Genome(repeating: 0, count: space.parameters.count)
                genome[gene] = level
                known[level] = max(0, try model.fitness(genome, stage: 0))
            }
            let row = DistributionSearch.interpolated(known, parameters: space.parameters[gene])
            try journal.append(
                .object(["kind": .string("sensitivity"), "costs": .array(row.map(JSONValue.double))]))
            costs.append(row)
            progress(0.4 * Double(gene + 1) / Double(space.parameters.count))
        }
        return costs
    }

    /// Costs between known levels, linear in the parameters that are gone.
    static func interpolated(_ known: [Int: Double], parameters: [Int]) -> [Double] {
        let places = known.keys.sorted()
        return parameters.indices.map { level in
            if let cost = known[level] { return cost }
            guard let below = places.last(where: { $0 < level }), let above = places.first(where: { $0 > level }),
                let low = known[below], let high = known[above], parameters[below] > parameters[above]
            else { return .infinity }
            let share = Double(parameters[below] - parameters[level]) / Double(parameters[below] - parameters[above])
            return low + share * (high - low)
        }
    }

    /// Exact solutions of the costs around the current distribution.
    private func refine(_ steps: inout [Step]) throws(Fault) {
        let done = steps.count { $0.kind == "round" }
        for round in done..<max(done, effort.rounds) {
            guard let current = steps.last, !steps.contains(where: { $0.kind == "generation" }) else { return }
            // The round before found nothing better.
            if steps.count > 1, steps[steps.count - 2].genome == current.genome { return }
            try model.setParent(current.genome)
            var costs = space.parameters.map { [Double](repeating: .infinity, count: $0.count) }
            var allowed: [ClosedRange<Int>] = []
            for gene in space.parameters.indices {
                let level = current.genome[gene]
                let range = max(0, level - 1)...min(space.parameters[gene].count - 1, level + 1)
                for neighbour in range {
                    var genome = current.genome
                    genome[gene] = neighbour
                    costs[gene][neighbour] =
                        neighbour == level ? 0 : try model.fitness(genome, stage: 0) - current.fitness
                }
                allowed.append(range)
                progress(0.4 + 0.4 * (Double(round) + Double(gene + 1) / Double(costs.count)) / Double(effort.rounds))
            }
            let next = try best(current, costs: costs, allowed: allowed)
            steps.append(try commit(Step(kind: "round", fitness: next.fitness, genome: next.genome)))
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
                let fitness = try model.fitness(genome, stage: 0)
                if fitness < current.fitness { return (genome, fitness) }
            }
            toll = toll == 0 ? typical / 4 : toll * 2
        }
        return (current.genome, current.fitness)
    }

    private func evolve(_ steps: inout [Step]) throws(Fault) {
        let done = steps.count { $0.kind == "generation" }
        guard done < effort.generations, let last = steps.last else { return }
        var options = EvolutionarySearch.Options()
        (options.offspring, options.survivors) = (effort.offspring, effort.survivors)
        let search = EvolutionarySearch(space: space, options: options)
        var genome = last.genome
        try model.setParent(genome)
        var fitness = done > 0 ? last.fitness : try model.fitness(genome, stage: effort.survivors.count - 1)
        for number in done..<effort.generations {
            let next = try search.generation(number, parent: genome, fitness: fitness, seed: seed) {
                (genomes, stage) throws(Fault) in
                var scores: [Double] = []
                for genome in genomes { scores.append(try model.fitness(genome, stage: stage)) }
                return scores
            }
            (genome, fitness) = (next.genome, next.fitness)
            try model.setParent(genome)
            steps.append(try commit(Step(kind: "generation", fitness: fitness, genome: genome)))
            progress(0.8 + 0.2 * Double(number + 1) / Double(effort.generations))
        }
    }
}
