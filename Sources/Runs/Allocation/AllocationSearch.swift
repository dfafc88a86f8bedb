import Calibration
import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Pruning
import Publishing
import Structure
import Torch

/// `--allocate search`: the sparsity of every linear, for methods that remove single weights, by what its pruning costs
/// the model's predictions.
///
/// Every block is pruned once at the target by the method's score or solver, without optimisation. `DivergenceCosts`
/// then tells what each linear's part of that costs in KL to the dense model, on samples that were not pruned with, all
/// of them in one pass back; `BalancedSparsities` moves sparsity to where a weight costs least. A sparsity below that of a
/// K:M pattern is met by linears that have the pattern and others that stay dense: those whose part would cost most.
struct AllocationSearch {
    /// What a linear costs grows by e for so much more sparsity: one in eight points, found by trying whole runs
    /// (Documentation/Experiments/Allocation.md).
    static let growth = 8.0
    /// How far from the target a linear may come.
    static let spread = 0.25

    let context: PruneContext
    /// Makes the candidates.
    let pruner: any BlockPruner
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var target: Double { context.settings.sparsity.fraction }

    /// - Parameter lines: the journal's.
    func run(_ lines: [JSONValue]) throws(Fault) -> SparsityAllocation {
        let tokens = try context.requireTokens()
        try makeCandidates(tokens, committed: lines)
        events(.note("measuring the cost of each linear layer"))
        let searched = SearchSplit.searched(of: tokens.rows)
        let search = try context.run.divergenceCosts(tokens, samples: searched, seed: context.settings.seed) {
            progress(0.7 + 0.1 * $0)
        }
        let costs = try search.linears {
            progress(0.8 + 0.2 * $0)
        } changes: { (dense) throws(Fault) in
            try changes(dense)
        }
        if let layer = costs.firstIndex(where: { $0.values.contains { !$0.isFinite } }) {
            throw Fault(
                .badData, "the costs of pruning are not finite", place: "block \(layer)",
                advice: "run `espalier inspect` on the model, or use --dtype float32")
        }
        return try allocation(costs)
    }

    /// What is left of a search that is over.
    static func removeCandidates(_ staging: StagingFolder, layers: Int) throws(Fault) {
        for name in (0..<layers).map(SparseCandidateFile.name) where staging.contains(name) {
            try staging.remove(name)
        }
    }

    private func progress(_ fraction: Double) {
        events(.progress(block: 0, blocks: configuration.layerCount, fraction: fraction))
    }

    /// Prunes every block at the target; blocks whose files the journal has are not pruned again.
    private func makeCandidates(_ tokens: TokenMatrix, committed lines: [JSONValue]) throws(Fault) {
        events(.note("pruning every block at the target, without optimization"))
        let committed = try staging.committed(lines, kind: "candidates")
        let rows = SearchSplit.calibrated(of: tokens.rows)
        let lane = try context.run.embeddedLane(tokens, samples: rows)
        try context.run.passage.forward { (step) throws(Fault) in
            let (layer, dense) = (step.layer, step.block)
            let goals = context.targets.goals[layer]
            let file = SparseCandidateFile.name(layer)
            if !goals.isEmpty, !committed.contains(file) {
                try context.run.checkFinite(dense)
                let task = BlockTask(
                    block: dense, goals: goals, rotary: lane.rotary, input: lane.stream,
                    ranks: step.ranks, denseOutput: nil, compute: context.compute, batch: context.batch,
                    device: context.decoder.device,
                    seed: context.settings.seed)
                let pruned = try pruner.prune(task).block
                try journal.append(
                    try staging.writeShard(file, SparseCandidateFile.tensors(pruned)).line(kind: "candidates"))
            }
            // As it stands in the file, so that a resumed search sees the same; after the last block nothing looks.
            if layer + 1 < configuration.layerCount {
                try step.advance(lane, through: try candidate(of: dense))
            }
            progress(0.7 * Double(layer + 1) / Double(configuration.layerCount))
        }
    }

    /// A block with the candidates' weights.
    private func candidate(of dense: Block) throws(Fault) -> Block {
        let name = SparseCandidateFile.name(dense.geometry.layer)
        guard staging.contains(name) else { return dense }
        let file = try SafetensorsFile(staging.path(of: name))
        var block = dense
        for name in dense.projections where dense[name].weight.count > 0 {
            let weights = try SparseCandidateFile.weights(file, name, shape: dense[name].weight.shape)
            block[name] = dense[name].with(weight: weights.to(context.decoder.device).to(.float32))
        }
        return block
    }

    /// Of the projections with a goal.
    private func changes(_ dense: Block) throws(Fault) -> DivergenceCosts.Changes {
        let goals = context.targets.goals[dense.geometry.layer]
        let pruned = try candidate(of: dense)
        var changes: DivergenceCosts.Changes = [:]
        for name in dense.projections where name.linears.contains(where: { goals[$0] != nil }) {
            changes[name] = pruned[name].weight - dense[name].weight
        }
        return changes
    }

    /// - Parameter costs: of each linear at the target, by layer.
    private func allocation(_ costs: [[LinearName: Double]]) throws(Fault) -> SparsityAllocation {
        let places = places
        let problem = BalancedSparsities(
            costs: places.map { place in place.linears.reduce(0) { $0 + (costs[place.layer][$1] ?? 0) } },
            weights: places.map { place in
                place.linears.reduce(0) {
                    let shape = configuration.shape(of: $1, layer: place.layer)
                    return $0 + shape.out * shape.in
                }
            }, target: target, growth: AllocationSearch.growth)
        let fractions: [Double]
        if case .keep(let kept, let group) = context.settings.pattern.zeros {
            let zeros = context.settings.leavesLinearsDense ? [0, group - kept] : Array(0..<group)
            guard let found = problem.solve(among: zeros.map { Double($0) / Double(group) }) else {
                throw Fault(.usage, "no distribution fits the budget", advice: "ask for less sparsity")
            }
            fractions = found
        } else {
            fractions = problem.solve(spread: AllocationSearch.spread)
        }
        var allocation = SparsityAllocation(
            layers: [Double](repeating: target, count: costs.count), configuration: configuration)
        for (place, fraction) in zip(places, fractions) {
            for linear in place.linears { allocation.set(fraction, for: linear, layer: place.layer) }
        }
        return allocation
    }

    /// What gets a sparsity of its own: each linear with a goal. Where some stay dense, those that read the same input go
    /// together, since engines fuse q, k and v, and gate and up, and want one kind of weight in what they fuse.
    private var places: [(layer: Int, linears: [LinearName])] {
        var places: [(layer: Int, linears: [LinearName])] = []
        for layer in context.targets.goals.indices {
            for linear in configuration.linears(layer: layer) where context.targets.goals[layer][linear] != nil {
                if context.settings.leavesLinearsDense, let last = places.last, last.layer == layer,
                    last.linears.last?.projection == linear.projection
                {
                    places[places.count - 1].linears.append(linear)
                } else {
                    places.append((layer, [linear]))
                }
            }
        }
        return places
    }
}
