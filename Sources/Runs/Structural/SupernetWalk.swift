import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Pruning
import Publishing
import Structure
import Torch

/// The walk that makes all candidates of all sub-layers.
///
/// A sub-layer's inputs have passed the mean of the candidates of every sub-layer before it (`ExpectedWeight`). Only
/// `o` and `down` differ between candidates, so that the block's own pass continues after its attention: collect at
/// `o`, solve, put W̄ in, and go on to the MLP.
struct SupernetWalk {
    let context: PruneContext
    let staging: StagingFolder
    let journal: Journal
    let samples: [Int]
    /// Of a sub-layer's candidates.
    let sparsities: (SubLayer) -> [Double]
    /// Told the fraction that is done.
    let progress: (Double) -> Void

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var usesGradient: Bool { context.settings.structure?.usesGradientTerm ?? false }

    /// - Parameter committed: names of candidate files that an earlier, interrupted run finished.
    /// - Returns: what stays of every sub-layer at each level, from the dense one down.
    func run(committed: Set<String>) throws(Fault) -> [[KeptUnits]] {
        let tokens = try context.requireTokens()
        let lane = try context.run.embeddedLane(tokens, samples: samples)
        var kept: [[KeptUnits]] = []
        try context.run.passage.forward { (step) throws(Fault) in
            let (layer, dense) = (step.layer, step.block)
            try context.run.checkFinite(dense)
            var block = dense
            for kind in SubLayer.Kind.allCases {
                let subLayer = SubLayer(layer: layer, kind: kind)
                let candidates = try candidates(subLayer, dense: dense, block: block, lane, committed)
                kept.append(candidates.map(\.kept))
                let name: ProjectionName = kind == .attention ? .o : .down
                if let mean = ExpectedWeight.of(
                    candidates, width: dense[name].inputWidth, headDimension: configuration.headDimension)
                {
                    block[name] = dense[name].with(weight: mean)
                }
            }
            try step.advance(lane, through: block)
            progress(Double(layer + 1) / Double(configuration.layerCount))
        }
        return kept
    }

    private func candidates(
        _ subLayer: SubLayer, dense: Block, block: Block, _ lane: SampleLane, _ committed: Set<String>
    ) throws(Fault) -> [Candidate] {
        let whole = dense.whole(subLayer.kind)
        let name = CandidateFile.name(subLayer)
        if committed.contains(name) {
            let file = try SafetensorsFile(staging.path(of: name))
            _ = try CandidateFile.shapes(file, subLayer, configuration)
            var list = [whole]
            while let next = try CandidateFile.read(file, level: list.count, device: context.decoder.device) {
                list.append(next)
            }
            return list
        }
        var list: [Candidate] = []
        if !context.targets.skipped.contains(subLayer.layer) {
            list = try solved(subLayer, dense: dense, moments: context.run.moments(of: subLayer, in: block, lane))
        }
        list = [whole] + list.dropFirst().map { $0.rounded(to: context.compute) }
        try journal.append(
            try staging.writeShard(name, CandidateFile.tensors(list, dtype: context.compute)).line(kind: "candidates"))
        return list
    }

    /// The candidates that the solver makes, from the dense one down; none of what is not there.
    private func solved(
        _ subLayer: SubLayer, dense: Block, moments: DampedHessian
    ) throws(Fault) -> [Candidate] {
        let shape = configuration.layers[subLayer.layer]
        var list: [Candidate]
        switch subLayer.kind {
        case .attention:
            list = SubLayerSolver.heads(
                o: dense.o.weight, hessian: moments, shape: shape, headDimension: configuration.headDimension,
                usesGradient: usesGradient)
            if context.settings.structure?.keepsQueryHeads == true {
                list = list.filter { candidate in
                    candidate.kept.shape.headCount == shape.headCount
                        || candidate.kept.isEmpty && subLayer.layer > 0
                }
            }
            // Uniform layers need the same shape at the same level everywhere, and heads with which the model opens.
            if context.settings.structure?.isUniform != true {
                list = Levels.shapes(list, sparsities: sparsities(subLayer), configuration: configuration)
            } else if !PlainFamily.hasOtherName(configuration) {
                list.removeAll {
                    !PlainFamily.opens(
                        configuration.family, hidden: configuration.hiddenSize, heads: $0.kept.shape.headCount)
                }
            }
        case .mlp:
            let widths = Levels.widths(
                of: shape.intermediateSize, sparsities: sparsities(subLayer),
                granularity: context.settings.structure?.granularity(for: configuration) ?? 1)
            list = SubLayerSolver.neurons(
                down: dense.down.weight, hessian: moments, widths: widths, usesGradient: usesGradient)
        }
        return list
    }
}

extension Block {
    /// The dense sub-layer as a candidate.
    func whole(_ kind: SubLayer.Kind) -> Candidate {
        switch kind {
        case .attention:
            let perGroup = geometry.keyValueHeadCount > 0 ? geometry.headCount / geometry.keyValueHeadCount : 0
            let groups = (0..<geometry.keyValueHeadCount).map {
                HeadGroup(keyValueHead: $0, queryHeads: Array($0 * perGroup..<($0 + 1) * perGroup))
            }
            return Candidate(kept: .heads(groups), weight: o.weight, error: 0)
        case .mlp: return Candidate(kept: .neurons(Array(0..<down.inputWidth)), weight: down.weight, error: 0)
        }
    }
}

extension RunContext {
    /// The damped second moments of what reaches `o` or `down` of a block.
    func moments(of subLayer: SubLayer, in block: Block, _ lane: SampleLane) throws(Fault) -> DampedHessian {
        let wanted: ProjectionName = subLayer.kind == .attention ? .o : .down
        let gram = Tensor.zeros([block[wanted].inputWidth, block[wanted].inputWidth], device: decoder.device)
        let working = block.to(compute)
        for batch in 0..<lane.batchCount {
            let x = try lane.states(batch)
            Engine.withoutGradient {
                let attended = working.attend(x, rotary: lane.rotary) { name, input in
                    if name == wanted { gram.addGram(input) }
                }
                if wanted == .down, working.hasMLP { gram.addGram(working.expand(attended)) }
            }
        }
        try ranks.sum(gram)
        guard let moments = DampedHessian(gram: gram) else {
            throw Fault(
                .badData, "the inputs' second moments cannot be inverted even with strong damping",
                place: "block \(subLayer.layer), inputs of \(wanted.rawValue)", advice: "use more calibration text")
        }
        return moments
    }
}
