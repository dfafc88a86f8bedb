import EspalierKit
import Faults
import JSONText
import Recipes
import Records
import Runs

/// Tells a person of the runs that a run in stages is made of.
final class StagesNarrator: StageObserver {
    private let reporter: ProgressReporter
    private let messages: OutputOptions
    private let interruption: Interruption
    private var pruning: RunNarrator?
    private var recovery: RecoverNarrator?

    init(_ reporter: ProgressReporter, output: String, _ messages: OutputOptions) {
        (self.reporter, self.messages) = (reporter, messages)
        interruption = Interruption(output: output, log: messages.logFile.flatMap(LogFile.open))
    }

    func pruning(stage: Int, of stages: Int, _ context: PruneContext) -> EventHandler {
        reporter.note("stage \(stage) of \(stages)")
        let narrator = RunNarrator(reporter, context: context)
        pruning = narrator
        return { [interruption] event in
            interruption.handle(event)
            narrator.handle(event)
        }
    }

    func pruned(_ result: RunResult) { pruning?.finish(result) }

    func recovering(stage: Int, of stages: Int, _ context: RecoverContext) -> EventHandler {
        let narrator = RecoverNarrator(reporter, context, messages)
        recovery = narrator
        narrator.begin()
        return { [interruption] event in
            interruption.handle(event)
            narrator.handle(event)
        }
    }

    func recovered(_ result: RecoverResult) { recovery?.finish(result) }
}

/// The result of a run in stages as text.
enum StagesSummary {
    static func text(_ result: StagedResult) -> String {
        let report = result.staged.report
        func number(_ object: ReportKey, _ key: ReportKey) -> Double? { report[object]?.objectValue?[key]?.doubleValue }
        var table = TextTable()
        table.add("output", result.output)
        table.add("method", report[.method]?.stringValue ?? "")
        table.add("pattern", report[.pattern]?.stringValue ?? "")
        table.add("sparsity asked", Amount.percent(number(.sparsity, .asked) ?? 0, 2))
        table.add("sparsity achieved", Amount.percent(number(.sparsity, .achieved) ?? 0, 2))
        let (before, after) = (number(.parameters, .before) ?? 0, number(.parameters, .after) ?? 0)
        table.add(
            report[.structure] == nil ? "nonzero parameters" : "parameters",
            "\(Amount.count(Int(before))) → \(Amount.count(Int(after)))")
        table.add("stages", Amount.count(result.staged.stages.count))
        if let recovery = result.recovery {
            table.add(
                "held-out loss",
                "\(Amount.fixed(recovery.before, 4)) → \(Amount.fixed(recovery.after, 4)) nats a token, in the last "
                    + "stage")
        }
        table.add("time", Amount.duration(result.seconds))
        return table.text
    }
}
