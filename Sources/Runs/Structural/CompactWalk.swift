import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Pruning
import Publishing
import Structure
import Torch

/// The walk that prunes every block to its shape: units chosen and compensated on what really reaches the block, then
/// all that is left re-fit towards the dense model's stream.
struct CompactWalk {
    let context: PruneContext
    let refit: BlockRefit
    /// Of the compact model.
    let files: BlockFiles
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler
    let progress: (Double) -> Void

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var usesGradient: Bool { context.settings.structure?.usesGradientTerm ?? false }

    func run(committed: [BlockReport]) throws(Fault) -> [BlockReport] {
        let tokens = try context.requireTokens()
        let total = configuration.layerCount
        guard committed.count < total else { return committed }
        var reports = committed
        let pruned = try context.run.embeddedLane(tokens, of: 2)
        let dense = try pruned.copied()
        try context.run.passage.forward { (step) throws(Fault) in
            let (clock, layer) = (ContinuousClock.now, step.layer)
            try step.advance(dense)
            if layer >= committed.count {
                // In front of the first pruned block there is nothing to make up for.
                let isDisturbed = reports.contains { $0.removed > 0 }
                var report = try prune(step.block, pruned, towards: dense.stream, isDisturbed: isDisturbed)
                report.seconds = clock.duration(to: .now) / .seconds(1)
                reports.append(report)
                events(.finished(report))
            }
            progress(Double(layer + 1) / Double(total))
            guard layer + 1 < total else { return }
            // What is passed on went through the weights as they were written.
            let path = staging.path(of: BlockFiles.name(part: layer + 1))
            try step.advance(pruned, through: try files.committed(step.block, file: path))
        }
        return reports
    }

    /// The candidate that is wanted. Without one the sub-layer would stay dense under a configuration that says
    /// otherwise.
    private func one(of found: [Candidate], _ layer: Int) throws(Fault) -> Candidate {
        guard let candidate = found.first else {
            let shape = files.configuration.layers[layer]
            throw Fault(
                .badData, "the units of a block do not reach the shape that was chosen for it: please report this",
                place: "block \(layer)",
                expected: "\(shape.headCount) heads, \(shape.keyValueHeadCount) key-value heads, "
                    + "\(shape.intermediateSize) neurons")
        }
        return candidate
    }

    private func prune(
        _ dense: Block, _ lane: SampleLane, towards target: HiddenStream, isDisturbed: Bool
    ) throws(Fault) -> BlockReport {
        let layer = dense.geometry.layer
        let shapes = (before: configuration.layers[layer], after: files.configuration.layers[layer])
        var compact = dense
        if shapes.after.headCount < shapes.before.headCount {
            let moments = try context.run.moments(of: SubLayer(layer: layer, kind: .attention), in: compact, lane)
            let found = SubLayerSolver.heads(
                o: dense.o.weight, hessian: moments, shape: shapes.before, headDimension: configuration.headDimension,
                usesGradient: usesGradient, only: shapes.after)
            compact = compact.compacted(attention: try one(of: found, layer), mlp: nil)
        }
        if shapes.after.intermediateSize < shapes.before.intermediateSize {
            let moments = try context.run.moments(of: SubLayer(layer: layer, kind: .mlp), in: compact, lane)
            let found = SubLayerSolver.neurons(
                down: dense.down.weight, hessian: moments, widths: [shapes.after.intermediateSize],
                usesGradient: usesGradient)
            compact = compact.compacted(attention: nil, mlp: try one(of: found, layer))
        }
        var goals: Goals = [:]
        for linear in files.configuration.linears(layer: layer) {
            goals[linear] = context.settings.goal
        }
        func task(_ block: Block) -> BlockTask {
            BlockTask(
                block: block, goals: goals, rotary: lane.rotary, input: lane.stream,
                ranks: context.run.ranks, denseOutput: target, compute: context.compute, batch: context.batch,
                device: context.decoder.device,
                seed: context.settings.seed, asWritten: files.asWritten)
        }
        var report = BlockReport(index: layer)
        let before = files.asWritten(compact)
        if shapes.before != shapes.after || isDisturbed {
            let outcome = try refit.refit(task(compact))
            compact = outcome.block
            report.take(outcome)
        }
        report.take(
            try BlockErrors(
                task(dense), samples: Walk.judged(of: lane.stream.samples), before: before,
                written: files.asWritten(compact), onDenseStream: true))
        for linear in dense.linears {
            let (whole, left) = (
                configuration.shape(of: linear, layer: layer), files.configuration.shape(of: linear, layer: layer)
            )
            let share = Double(left.out * left.in) / Double(max(1, whole.out * whole.in))
            report.sparsity.append((linear: linear.rawValue, fraction: 1 - share))
        }
        report.weights = configuration.parameterCount(layer: layer)
        report.removed = report.weights - files.configuration.parameterCount(layer: layer)
        let digest = try staging.writeShard(
            BlockFiles.name(part: layer + 1), try files.contents(of: compact, pruned: Set(goals.keys)))
        try journal.append(digest.line(kind: "block", [("report", report.json(timed: false))]))
        return report
    }
}
