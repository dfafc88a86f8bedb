import Checkpoints
import Decoders
import Faults
import JSONText
import Pruning
import Recipes
import Structure
import Torch

/// `--allocate search`: the sparsity of every sub-layer by Týr's search (`DistributionSearch`), for methods that remove
/// single weights.
///
/// Candidates are what the method's score or solver makes of a sub-layer at some sparsities around the target, without
/// optimisation: `LevelPruner`. The stream that their statistics come from has passed the blocks at the target.
struct AllocationSearch {
    /// How far from the target a sub-layer may come, and in which steps.
    static let spread = 0.2
    static let interval = 0.1
    /// How much of what a sub-layer's sparsity differs from the target is kept where the method optimises after its mask:
    /// optimisation makes up for most where most was removed, and what candidates show without it is too much
    /// (measurements in Documentation/Methods.md).
    static let trust = 0.5

    let context: RunContext
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var samples: Int { context.calibration?.tokens.rows ?? 0 }

    /// The sparsities that a sub-layer may get: none first, then rising; of a K:M pattern, those of its Ks.
    static func levels(_ settings: PruneSettings) -> [Double] {
        if case .keep(_, let group) = settings.pattern {
            return (0..<group).map { Double($0) / Double(group) }
        }
        let target = settings.sparsity.fraction
        let steps = Int((spread / interval).rounded())
        return [0]
            + (-steps...steps).map { target + Double($0) * interval }.filter { $0 > 1e-9 && $0 <= 0.95 }
    }

    /// - Parameter lines: the journal's.
    func run(_ lines: [JSONValue]) throws(Fault) -> (SparsityAllocation, [DistributionSearch.Step]) {
        let levels = AllocationSearch.levels(context.settings)
        try candidates(levels, lines: lines)
        let weights = SubLayer.all(layers: configuration.layerCount).map(count)
        let sizes = weights.map { count in levels.map { count - Int((Double(count) * $0).rounded(.down)) } }
        let target = context.settings.sparsity.fraction
        let budget = weights.reduce(0) { $0 + $1 - Int((Double($1) * target).rounded(.down)) }
        events(.note("searching the sparsity of \(sizes.count) sub-layers"))
        var files: [SubLayer: SafetensorsFile] = [:]
        for subLayer in SubLayer.all(layers: configuration.layerCount) where count(of: subLayer) > 0 {
            files[subLayer] = try SafetensorsFile(staging.path(of: SparseCandidateFile.name(subLayer)))
        }
        let searched = SearchSplit.searched(of: samples)
        let options = SearchOptions(.default, searched: searched.count)
        let model = try context.searchModel(searched, options) { (dense, attention, mlp) throws(Fault) in
            var block = dense
            for (kind, level) in [(SubLayer.Kind.attention, attention), (.mlp, mlp)] where level > 0 {
                let subLayer = SubLayer(layer: dense.geometry.layer, kind: kind)
                guard let file = files[subLayer] else { continue }
                for name in kind.projections {
                    let weights = try SparseCandidateFile.weights(
                        file, level: level, name, shape: dense[name].weight.shape)
                    block[name] = dense[name].with(weight: weights.to(context.decoder.device).to(dense.dtype))
                }
            }
            return block
        }
        let space = SearchSpace(sizes: sizes, budget: budget)
        let search = DistributionSearch(
            model: model, space: space, options: options,
            seed: context.settings.seed, journal: journal, events: events
        ) { progress(0.25 + 0.75 * $0) }
        let steps = try search.run(lines: lines, from: .measured(uniform: space.uniform))
        let genome = steps.last?.genome ?? Genome(repeating: 0, count: sizes.count)
        return (allocation(genome, levels: levels, weights: weights), steps)
    }

    /// What is left of a search that is over.
    static func removeCandidates(_ staging: StagingFolder, layers: Int) throws(Fault) {
        for name in SubLayer.all(layers: layers).map(SparseCandidateFile.name) where staging.contains(name) {
            try staging.remove(name)
        }
    }

    private func progress(_ fraction: Double) {
        events(.progress(block: 0, blocks: configuration.layerCount, fraction: fraction))
    }

    /// Weights of a sub-layer that are to be pruned.
    private func count(of subLayer: SubLayer) -> Int {
        subLayer.kind.projections.flatMap(\.linears).reduce(0) { sum, linear in
            guard context.targets.goals[subLayer.layer][linear] != nil else { return sum }
            let shape = configuration.shape(of: linear, layer: subLayer.layer)
            return sum + shape.out * shape.in
        }
    }

    /// Makes the candidates' files that are not there yet.
    private func candidates(_ levels: [Double], lines: [JSONValue]) throws(Fault) {
        guard let tokens = context.calibration?.tokens else { return }
        events(.note("making candidates of every sub-layer at \(levels.count - 1) sparsities"))
        var committed: Set<String> = []
        for digest in FileDigest.digests(lines, kind: "candidates") {
            try staging.check(digest)
            committed.insert(digest.name)
        }
        let rows = SearchSplit.calibrated(of: samples)
        let stream = try HiddenStream(
            samples: rows.count, tokens: tokens.columns, hidden: configuration.hiddenSize,
            dtype: context.streamDType, offload: context.settings.offload)
        try context.embed(into: stream, samples: rows)
        let rotary = context.decoder.rotary(positions: tokens.columns)
        let target = levels.firstIndex(of: context.settings.sparsity.fraction)
        for layer in 0..<configuration.layerCount {
            let dense = try context.decoder.block(layer)
            try context.checkFinite(dense)
            let goals = context.targets.goals[layer]
            let pruner = try LevelPruner(
                BlockTask(
                    block: dense, goals: goals, rotary: rotary, input: stream, denseOutput: nil,
                    compute: context.compute, batch: context.batch, device: context.decoder.device,
                    seed: context.settings.seed), rule: context.settings.method.rule)
            var block = dense
            for kind in SubLayer.Kind.allCases {
                let subLayer = SubLayer(layer: layer, kind: kind)
                guard count(of: subLayer) > 0 else { continue }
                let file = SparseCandidateFile.name(subLayer)
                if committed.contains(file) || target == nil {
                    for name in kind.projections {
                        block[name] = dense[name].with(weight: try pruner.weight(name, goals: goals))
                    }
                }
                guard !committed.contains(file) else { continue }
                var tensors: [(tensor: TensorDescription, bytes: [UInt8])] = []
                for (level, fraction) in levels.enumerated().dropFirst() {
                    var leveled: Goals = [:]
                    for (linear, goal) in goals { leveled[linear] = try goal.with(sparsity: fraction) }
                    for name in kind.projections {
                        let weights = try pruner.weight(name, goals: leveled)
                        tensors += SparseCandidateFile.tensors(level: level, name, weights: weights)
                        // The stream goes on through the target.
                        if level == target { block[name] = dense[name].with(weight: weights) }
                    }
                }
                try journal.append(try staging.writeShard(file, tensors).line(kind: "candidates"))
            }
            try context.forward(block, stream, rotary)
            progress(0.25 * Double(layer + 1) / Double(configuration.layerCount))
        }
    }

    /// The sparsities of a distribution; what it removes beyond the target is given back, to all that lose some alike.
    private func allocation(_ genome: Genome, levels: [Double], weights: [Int]) -> SparsityAllocation {
        var fractions = genome.map { levels[$0] }
        if context.settings.pattern.impliedFraction == nil {
            if context.settings.method == .wandaPlusPlus {
                let target = context.settings.sparsity.fraction
                fractions = fractions.map { target + AllocationSearch.trust * ($0 - target) }
            }
            let asked = context.settings.sparsity.fraction * Double(weights.reduce(0, +))
            let removed = zip(fractions, weights).reduce(0) { $0 + $1.0 * Double($1.1) }
            let scale = removed > 0 ? asked / removed : 1
            fractions = fractions.map { min(0.99, $0 * scale) }
        }
        return SparsityAllocation(fractions: fractions)
    }
}

extension Method {
    /// How candidates of the method are made.
    fileprivate var rule: LevelPruner.Rule {
        switch self {
        case .magnitude: .magnitude
        case .wanda: .wanda
        case .sparsegpt, .wandaPlusPlus, .tyr: .sparsegpt
        }
    }
}

extension RunContext {
    /// The model that a search compares distributions on.
    func searchModel(
        _ searched: [Int], _ options: SearchOptions, maker: @escaping SearchModel.Maker
    ) throws(Fault) -> SearchModel {
        let tokens = calibration?.tokens
        return try SearchModel(
            decoder, compute: compute, tokens: searched.compactMap { row in tokens.map { Array($0[row]) } },
            samples: options.stages.map(\.samples), maker: maker)
    }
}
