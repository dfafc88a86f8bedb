import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Pruning
import Publishing
import Torch

/// The walk over the blocks: order, memory, commits and events, so that a pruner sees one block and owns nothing.
package struct Walk {
    let context: PruneContext
    let pruner: any BlockPruner
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var lastPruned: Int { context.targets.goals.lastIndex { !$0.isEmpty } ?? 0 }
    private var samples: Int { context.calibration?.tokens.rows ?? 0 }
    /// The walk's errors are measured on a few of the sequences that the default's optimizer does not see.
    package static func judged(of samples: Int) -> [Int] { Array(BlockRefit.keptOut(of: samples).prefix(4)) }

    /// The hidden states on their way: what the pruned blocks made, and what the dense ones would have made.
    private struct Lanes {
        let pruned: SampleLane
        let dense: SampleLane?
    }

    /// Prunes every block that has no committed part yet.
    ///
    /// - Parameter committed: reports of the blocks that have one, in order from block 0.
    func run(committed: [BlockReport]) throws(Fault) -> [BlockReport] {
        let total = configuration.layerCount
        var reports = committed
        guard committed.count < total else { return reports }
        let lanes = try makeLanes()
        if !committed.isEmpty, lanes != nil {
            events(.note("recomputing the hidden stream through \(committed.count) committed blocks"))
        }
        // Without states to bring up to date, committed blocks are not looked at again.
        try context.run.passage.forward((lanes == nil ? committed.count : 0)..<total) { (step) throws(Fault) in
            let clock = ContinuousClock.now
            // After the last block that is pruned nothing looks at the states any more.
            let lanes = step.layer <= lastPruned ? lanes : nil
            if step.layer >= committed.count {
                var report = try prune(step, lanes)
                report.seconds = clock.duration(to: .now) / .seconds(1)
                reports.append(report)
                events(.finished(report))
            } else if step.layer < lastPruned, let lanes {
                try replay(step, lanes)
            }
            events(.progress(block: step.layer, blocks: total, fraction: Double(step.layer + 1) / Double(total)))
        }
        return reports
    }

    private func makeLanes() throws(Fault) -> Lanes? {
        guard let tokens = context.calibration?.tokens else { return nil }
        let needsDense = pruner.needsDenseStream
        let pruned = try context.run.embeddedLane(tokens, of: needsDense ? 2 : 1)
        return Lanes(pruned: pruned, dense: needsDense ? try pruned.copied() : nil)
    }

    /// A block of a run that was interrupted after it.
    private func replay(_ step: PassageStep, _ lanes: Lanes) throws(Fault) {
        if let lane = lanes.dense { try step.advance(lane) }
        let written = try context.files.committed(
            step.block, file: staging.path(of: BlockFiles.name(part: step.layer + 1)),
            pruned: Set(context.targets.goals[step.layer].keys))
        try step.advance(lanes.pruned, through: written)
    }

    private func prune(_ step: PassageStep, _ lanes: Lanes?) throws(Fault) -> BlockReport {
        let (layer, dense) = (step.layer, step.block)
        try context.run.checkFinite(dense)
        let goals = context.targets.goals[layer]
        let files = context.files
        var report = BlockReport(index: layer)
        var result = dense
        var judged: (task: BlockTask, before: Block?)?
        if let lanes {
            if let lane = lanes.dense { try step.advance(lane) }
            let task = BlockTask(
                block: dense, goals: goals, rotary: lanes.pruned.rotary, input: lanes.pruned.stream,
                ranks: step.ranks, denseOutput: lanes.dense?.stream,
                compute: context.compute, batch: context.batch, device: context.decoder.device,
                seed: context.settings.seed, asWritten: files.asWritten, progress: progress(layer))
            if !goals.isEmpty {
                let outcome = try pruner.prune(task)
                result = outcome.block
                report.take(outcome)
                outcome.notes.forEach { events(.warning($0)) }
                judged = (task, outcome.unoptimised.map(files.asWritten))
            }
        } else if !goals.isEmpty {
            result = try pruner.prune(
                BlockTask(
                    block: dense, goals: goals, rotary: context.decoder.rotary(positions: 1),
                    input: try HiddenStream(samples: 0, tokens: 1, hidden: configuration.hiddenSize), denseOutput: nil,
                    compute: context.compute, batch: 1, device: context.decoder.device, seed: context.settings.seed)
            ).block
        }
        let written = files.asWritten(result)
        if let judged {
            let samples = Walk.judged(of: samples)
            report.take(try BlockErrors(judged.task, samples: samples, before: judged.before, written: written))
        }
        if let lanes, layer < lastPruned { try step.advance(lanes.pruned, through: written) }
        try measure(written, &report, goals: goals)
        try commit(written, report, goals: goals)
        return report
    }

    private func progress(_ layer: Int) -> (Double) -> Void {
        let total = configuration.layerCount
        return { share in
            events(.progress(block: layer, blocks: total, fraction: (Double(layer) + 0.95 * share) / Double(total)))
        }
    }

    /// Counts zeros in what is written, and compares them with the goals.
    private func measure(_ block: Block, _ report: inout BlockReport, goals: Goals) throws(Fault) {
        for linear in block.linears {
            let weight = block.weight(linear)
            let zeros = Int(weight.isEqual(to: 0).sum().scalar)
            report.sparsity.append((linear: linear.rawValue, fraction: Double(zeros) / Double(weight.count)))
            guard let goal = goals[linear] else { continue }
            report.removed += zeros
            report.weights += weight.count
            if context.settings.allocation != .uniform {
                report.asked.append((linear: linear.rawValue, fraction: goal.askedFraction))
            }
            let demand = ZeroDemand(goal, group: pruner.group, rows: weight.size(0), columns: weight.size(1))
            if let short = demand.shortfall(in: weight) {
                throw Fault(
                    .badData, "a pruned weight has fewer zeros than it should: please report this",
                    place: linear.weightName(layer: block.geometry.layer),
                    found: "\(short.found) \(demand.group.words)", expected: "\(short.expected)")
            }
        }
    }

    /// Writes a block's part under its final name, then the journal line that says so.
    private func commit(_ block: Block, _ report: BlockReport, goals: Goals) throws(Fault) {
        let digest = try staging.writeShard(
            BlockFiles.name(part: report.index + 1), try context.files.contents(of: block, pruned: Set(goals.keys)))
        try journal.append(digest.line(kind: "block", [("report", report.json(timed: false))]))
    }
}
