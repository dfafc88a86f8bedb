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
        begin()
        let interruption = Interruption(
            output: context.settings.output ?? "", log: messages.logFile.flatMap(LogFile.open))
        let narrator = self
        let result = try work(
            RecoverRun(context) { event in
                interruption.handle(event)
                narrator.handle(event)
            })
        finish(result)
        return result
    }

    /// Says what is about to happen.
    func begin() {
        let settings = context.settings
        reporter.note(
            "training \(settings.trained.phrase) of \(settings.model) with the "
                + "loss \(settings.loss.text)"
                + (settings.teacher.map { " to \($0)" } ?? "")
                + (settings.turns == .assistant ? " on the assistant's turns" : "")
                + ": \(Amount.count(context.training.count, "sequence")) of "
                + "\(Amount.count(context.tokens.columns, "token")), \(context.heldOut.count) more held out; learning rate \(context.learningRate)"
                + (settings.turns == .assistant ? "; \(Amount.percent(context.countedShare)) of the tokens count" : ""))
        reporter.begin("training", total: 1)
    }

    func handle(_ event: RunEvent) {
        switch event {
        case .warning(let text): reporter.warning(text)
        case .note(let text): reporter.note(text)
        case .progress(_, _, let fraction): reporter.update(fraction)
        case .finished, .resumable, .publishing: break
        }
    }

    func finish(_ result: RecoverResult) {
        reporter.finish()
        guard result.bestStep == 0 else { return }
        reporter.warning(
            "training did not help on the held-out sequences: what was written is the model as it came"
                + (context.settings.lora?.adapters == nil ? "" : ", with the adapters as they came")
                + "; use a lower --learning-rate, or more text")
    }
}

/// A recovery's result as text.
enum RecoverSummary {
    static func text(_ result: RecoverResult) -> String {
        var table = TextTable()
        table.add("output", result.output)
        table.add("loss", result.loss.text + (result.turns == .assistant ? " on the assistant's turns" : ""))
        table.add("trained", result.trained.text)
        table.add("steps", "\(Amount.count(result.steps)), the best after \(Amount.count(result.bestStep))")
        table.add("tokens", Amount.count(result.tokens))
        if result.turns == .assistant { table.add("tokens that counted", Amount.count(result.countedPositions)) }
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
        if let share = plan.countedShare { table.add("tokens that count", Amount.percent(share)) }
        table.add("learning rate", "\(plan.learningRate)")
        table.add("time of a step", Amount.duration(plan.secondsPerStep))
        table.add("time", "about \(Amount.duration(plan.seconds))")
        table.add("memory", Amount.bytes(plan.peakMemoryBytes))
        if let bytes = plan.peakDeviceMemoryBytes { table.add("memory of the GPU", Amount.bytes(bytes)) }
        table.add("disk", Amount.bytes(plan.diskBytes))
        return table.text
    }
}
