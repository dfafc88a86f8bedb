import EspalierKit
import Recipes
import Runs

/// Turns a run's events into what a person sees.
final class RunNarrator {
    private let reporter: ProgressReporter
    private let blocks: Int
    private let calibrationTokens: Int

    init(_ reporter: ProgressReporter, context: PruneContext) {
        self.reporter = reporter
        blocks = context.decoder.configuration.layerCount
        calibrationTokens = context.calibration.map { $0.tokens.rows * $0.tokens.columns } ?? 0
        let settings = context.settings
        reporter.note(
            "pruning \(Amount.count(blocks, "block")) of \(settings.model) with \(settings.method.name), pattern "
                + "\(settings.pattern.text), sparsity \(Amount.percent(settings.sparsity.fraction))"
                + (context.calibration.map { ", \($0.tokens.rows) × \($0.tokens.columns) calibration tokens" } ?? "")
                + ", memory limit "
                + MemoryText.limit(context.run.memoryLimitBytes, settings, ofGPU: context.run.limitsGPU))
        reporter.begin("pruning", total: 1)
    }

    func handle(_ event: RunEvent) {
        switch event {
        case .warning(let text): reporter.warning(text)
        case .note(let text): reporter.note(text)
        case .progress(_, _, let fraction): reporter.update(fraction)
        case .finished(let report): reporter.note(line(report))
        case .resumable, .publishing: break
        }
    }

    /// Ends the phase, and tells once what is to be known of all blocks.
    func finish(_ result: RunResult) {
        reporter.finish()
        let lowered = result.blocks.count { $0.loweredRate != nil }
        if lowered > 0 {
            reporter.note(
                "\(Amount.count(lowered)) of \(Amount.count(blocks, "block")) were optimized with smaller steps, because "
                    + "the first did not help on held-out sequences")
        }
        if result.denseLinears > 0 {
            reporter.note(
                "\(Amount.count(result.denseLinears)) of \(Amount.count(result.linears.count, "linear layer")) stay dense"
            )
        }
        let undone = result.blocks.count(where: \.restored)
        guard let text = RunNarrator.undone(undone, of: blocks, tokens: calibrationTokens) else { return }
        if undone * 2 > blocks { reporter.warning(text) } else { reporter.note(text) }
    }

    /// As many tokens as the optimizer was measured with in Documentation/Experiments/WandaPlusPlus.md.
    private static let enoughTokens = 64 * 512

    /// What to say of blocks whose optimisation was undone; nil where there are none.
    static func undone(_ count: Int, of blocks: Int, tokens: Int) -> String? {
        guard count > 0 else { return nil }
        let advice =
            tokens < enoughTokens
            ? "use at least \(Amount.count(enoughTokens)), such as --samples 64 --sequence-length 512"
            : "twice as many may help, or more uniform text"
        return
            "\(Amount.count(count)) of \(Amount.count(blocks, "block")) kept their unoptimized weights, because "
            + "optimizing did not help on "
            + "held-out sequences. The run had \(Amount.count(tokens, "calibration token")); \(advice)"
    }

    private func line(_ report: BlockReport) -> String {
        var text = "block \(report.index + 1)/\(blocks)"
        if report.weights > 0 {
            text += ": \(Amount.percent(Double(report.removed) / Double(report.weights))) removed"
        }
        if let before = report.errorBefore, let after = report.errorAfter {
            text += ", error \(Amount.fixed(before, 4)) → \(Amount.fixed(after, 4))"
        }
        if let seconds = report.seconds { text += ", \(Amount.duration(seconds))" }
        return text
    }
}

/// A run's result as text.
enum RunSummary {
    static func text(_ result: RunResult) -> String {
        var table = TextTable()
        table.add("output", result.output)
        table.add("method", result.preset == "paper" ? "\(result.method) (preset paper)" : result.method)
        table.add("pattern", result.pattern)
        table.add("sparsity asked", Amount.percent(result.asked, 2))
        table.add("sparsity achieved", Amount.percent(result.achieved, 2))
        // Zeros are stored like other weights: their model has as many parameters as before.
        table.add(
            result.structure == nil ? "nonzero parameters" : "parameters",
            "\(Amount.count(result.parametersBefore)) → \(Amount.count(result.parametersAfter))")
        if let structure = result.structure {
            if structure.budget != .parameters { table.add("budget", structure.budget.text) }
        }
        if let moves = result.channelMoves {
            table.add("channels moved", moves == .all ? "within blocks and in the stream" : "within blocks")
        }
        table.add("time", Amount.duration(result.seconds))
        table.add("peak memory", Amount.bytes(result.peakMemoryBytes))
        return table.text + (result.structure.map(servers) ?? "")
    }

    /// Where the result opens, and what its widths are not good for.
    private static func servers(_ structure: StructuralReport) -> String {
        var text = "opens in Espalier as it is; in servers:\n"
        for row in structure.serving.rows { text += "  \(row.title)\n    \(row.text)\n" }
        guard !structure.misaligned.isEmpty else { return text }
        let widths = structure.misaligned.map(String.init).joined(separator: ", ")
        return text + "MLP widths that are no multiples of \(StructuralWidths.multiple): \(widths); kernels take as "
            + "long for them as for the next one\n"
    }
}
