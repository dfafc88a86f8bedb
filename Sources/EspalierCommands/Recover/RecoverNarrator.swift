import EspalierKit
import Faults
import Recipes
import Runs

/// Turns a recovery's events into what a person sees.
struct RecoverNarrator {
    private let reporter: ProgressReporter
    private let context: RecoverContext
    private let messages: OutputOptions

    init(_ reporter: ProgressReporter, _ context: RecoverContext, _ messages: OutputOptions) {
        (self.reporter, self.context, self.messages) = (reporter, context, messages)
    }

    func run(
        _ work: (RecoverRun) throws(Fault) -> RecoverResult
    ) throws(Fault) -> RecoverResult {
        let settings = context.settings
        reporter.note(
            "training \(settings.trained.phrase) of \(settings.model) with the "
                + "loss \(settings.loss.text)"
                + (settings.teacher.map { " to \($0)" } ?? "")
                + ": \(Amount.count(context.training.count, "sequence")) of "
                + "\(Amount.count(context.tokens.columns, "token")), \(context.heldOut.count) more held out")
        reporter.begin("training", total: 1)
        let interruption = Interruption(output: settings.output ?? "", log: messages.logFile.flatMap(LogFile.open))
        let reporter = reporter
        let result = try work(
            RecoverRun(context) { event in
                interruption.handle(event)
                switch event {
                case .warning(let text): reporter.warning(text)
                case .note(let text): reporter.note(text)
                case .progress(_, _, let fraction): reporter.update(fraction)
                case .finished, .resumable, .publishing: break
                }
            })
        reporter.finish()
        if result.bestStep == 0 {
            reporter.warning(
                "training did not help on the held-out sequences: what was written is the model as it came"
                    + (settings.lora?.adapters == nil ? "" : ", with the adapters as they came")
                    + "; use a lower --learning-rate, or more text")
        }
        return result
    }
}

/// A recovery's result as text.
enum RecoverSummary {
    static func text(_ result: RecoverResult) -> String {
        var table = TextTable()
        table.add("output", result.output)
        table.add("loss", result.loss.text)
        table.add("trained", result.trained.text)
        table.add("steps", "\(Amount.count(result.steps)), the best after \(Amount.count(result.bestStep))")
        table.add("tokens", Amount.count(result.tokens))
        table.add(
            "held-out loss", "\(Amount.fixed(result.before, 4)) → \(Amount.fixed(result.after, 4)) nats a token")
        table.add("training time", Amount.duration(result.trainingSeconds))
        table.add("time", Amount.duration(result.seconds))
        table.add("peak memory", Amount.bytes(result.peakMemoryBytes))
        return table.text
    }

    static func text(_ plan: RecoverPlan) -> String {
        var table = TextTable()
        table.add("trained parameters", Amount.count(plan.trainedParameters))
        table.add(
            "sequences", "\(Amount.count(plan.trainingSamples)), and \(Amount.count(plan.heldOutSamples)) held out")
        table.add("steps", Amount.count(plan.steps))
        table.add("tokens", Amount.count(plan.tokens))
        table.add("time of a step", Amount.duration(plan.secondsPerStep))
        table.add("time", "about \(Amount.duration(plan.seconds))")
        table.add("memory", Amount.bytes(plan.peakMemoryBytes))
        if let bytes = plan.peakDeviceMemoryBytes { table.add("memory of the GPU", Amount.bytes(bytes)) }
        table.add("disk", Amount.bytes(plan.diskBytes))
        return table.text
    }
}
