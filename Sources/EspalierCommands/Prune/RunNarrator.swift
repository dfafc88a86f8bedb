import EspalierKit
import Runs

/// Turns a run's events into what a person sees.
final class RunNarrator {
    private let reporter: ProgressReporter
    private let blocks: Int

    init(_ reporter: ProgressReporter, context: PruneContext) {
        self.reporter = reporter
        blocks = context.decoder.configuration.layerCount
        let settings = context.settings
        reporter.note(
            "pruning \(blocks) blocks of \(settings.model) with \(settings.method.name), pattern "
                + "\(settings.pattern.text), sparsity \(Amount.percent(settings.sparsity.fraction))"
                + (context.calibration.map { ", \($0.tokens.rows) × \($0.tokens.columns) calibration tokens" } ?? ""))
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

    private func line(_ report: BlockReport) -> String {
        var text = "block \(report.index + 1)/\(blocks)"
        if report.weights > 0 {
            text += ": \(Amount.percent(Double(report.removed) / Double(report.weights))) removed"
        }
        if let before = report.errorBefore, let after = report.errorAfter {
            text += ", error \(Amount.fixed(before, 4)) → \(Amount.fixed(after, 4))"
        }
        if report.restored { text += " (optimisation did not help and was undone)" }
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
            result.structure == nil ? "parameters not zero" : "parameters",
            "\(Amount.count(result.parametersBefore)) → \(Amount.count(result.parametersAfter))")
        if let structure = result.structure {
            if structure.budget != .parameters { table.add("budget", structure.budget.text) }
            table.add(
                "opens in",
                structure.isPlain
                    ? "any software that knows the model's family"
                    : "espalier alone (--uniform makes a plain model)")
        }
        table.add("time", Amount.duration(result.seconds))
        table.add("peak memory", Amount.bytes(result.peakMemoryBytes))
        return table.text
    }
}
