import ArgumentParser
import EspalierKit
import Faults
import Recipes
import Runs
import Settings

/// `espalier recover`
public struct Recover: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Trains what pruning left, so that it predicts as the dense model does.",
        discussion: """
            The weights of the blocks are trained on text, by default on the dense model's own predictions for it \
            (distillation); embeddings and the output matrix stay. Zeros stay zeros and shapes stay shapes, so the \
            result opens wherever the pruned model does. Some sequences are held out: the state that is best on them \
            is written. The run can be interrupted at any time; `espalier resume` continues after the last check.

            EXAMPLES
              espalier recover pruned --teacher model.gguf --output recovered \\
                --calibration wikipedia.txt --minutes 20
              espalier recover pruned --teacher dense --output recovered \\
                --calibration chats.jsonl@2 --calibration web.txt --epochs 2
              espalier recover pruned --output tuned --loss lm --train norms \\
                --calibration text.txt --steps 100
              espalier recover --recipe recovery.yaml --output again
            """)

    @Argument(
        help: ArgumentHelp(
            "The pruned model to train: a Hugging Face folder or a .gguf file.", valueName: "model"),
        completion: .model)
    public var model: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The model that it was made from, whose predictions are the aim (not with --loss lm).",
            valueName: "model"), completion: .model)
    public var teacher: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder to write the recovered model to.", valueName: "dir"),
        completion: .directory)
    public var output: String?

    @OptionGroup(title: "Training") public var training: RecoverTrainingOptions
    @OptionGroup(title: "Text") public var text: RecoverTextOptions
    @OptionGroup(title: "Engine") public var engine: RecoverEngineOptions

    @Flag(name: .long, help: "Replaces the output; the old folder is moved to DIR.previous-N.")
    public var overwrite = false

    @Flag(name: .long, help: "Prints what the run would take, measured on one step, and exits.")
    public var plan = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    private func recipe() throws(Fault) -> RecoverRecipe {
        var flags = RecoverRecipe()
        flags.model = model
        flags.teacher = teacher
        flags.output = output
        flags.overwrite = overwrite ? true : nil
        training.apply(to: &flags)
        text.apply(to: &flags)
        engine.apply(to: &flags)
        let file = try training.recipe.map { path throws(Fault) in try RecoverRecipe(contentsOf: path) }
        return file.map { $0.merging(flags: flags) } ?? flags
    }

    public mutating func run() throws {
        let settings = try recipe().resolved()
        let reporter = messages.makeReporter()
        if plan {
            let plan = try RecoverPlan(try RecoverPreparation(settings, reporter: reporter).context)
            return try messages.write(json: plan.json, text: RecoverSummary.text(plan))
        }
        try RecoverRun.check(settings)
        let context = try RecoverPreparation(settings, reporter: reporter).context
        let result = try RecoverNarrator(reporter, context, messages).run { (run) throws(Fault) in try run.start() }
        try messages.write(json: result.json, text: RecoverSummary.text(result))
    }

    /// Continues an interrupted recovery.
    static func resume(_ output: String, messages: OutputOptions) throws {
        let reporter = messages.makeReporter()
        let settings = try RecoverRun.interrupted(output: output)
        let context = try RecoverPreparation(settings, reporter: reporter).context
        let result = try RecoverNarrator(reporter, context, messages).run { (run) throws(Fault) in try run.resume() }
        try messages.write(json: result.json, text: RecoverSummary.text(result))
    }
}
