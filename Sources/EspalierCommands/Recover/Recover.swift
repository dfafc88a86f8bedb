import ArgumentParser
import EspalierKit
import Faults
import Files
import JSONText
import Recipes
import Reports
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

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Also writes the JSON document of the run, with its time and memory, to this file, replacing it; "
                + "`espalier report` reads \(RecoveryCost.fileName) in the output.",
            valueName: "file"), completion: .file())
    public var results: String?

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        if plan, results != nil { throw ValidationError("--results is written by a run: omit it with --plan.") }
    }

    private func recipe() throws(Fault) -> RecoverRecipe {
        var flags = RecoverRecipe()
        flags.model = model
        flags.teacher = teacher
        flags.output = output
        flags.overwrite = overwrite ? true : nil
        training.apply(to: &flags)
        text.apply(to: &flags)
        engine.apply(to: &flags)
        let file = try training.file.recipe.map { path throws(Fault) in try RecoverRecipe(contentsOf: path) }
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
        let target = try resultsTarget(settings)
        let preparation = try RecoverPreparation(settings, reporter: reporter)
        let result = try RecoverNarrator(reporter, preparation.context, messages).run { (run) throws(Fault) in
            try run.start()
        }
        let document = Recover.document(result, preparation)
        try messages.write(json: document, text: RecoverSummary.text(result))
        guard let results else { return }
        try (target ?? OutputTarget(results)).write(document.text() + "\n")
    }

    /// Looks at the place of the results before the work; nil where it is in the output, which is not there yet.
    private func resultsTarget(_ settings: RecoverSettings) throws(Fault) -> OutputTarget? {
        guard let results, let output = settings.output else { return nil }
        try SamePath.refuse(results, "--results", among: try settings.inputs())
        let folder = FileSystem.parent(results)
        guard
            SamePath.areSame(folder, output)
                || FileSystem.components(folder).filter({ $0 != "." })
                    == FileSystem.components(output).filter({ $0 != "." })
        else { return try OutputTarget(results) }
        guard FileSystem.areSame(FileSystem.last(results), RecoveryCost.fileName) else {
            throw Fault(
                .usage, "--results would be among the files of the output", file: results,
                expected: FileSystem.joined(output, RecoveryCost.fileName), advice: "use this name, or another folder")
        }
        return nil
    }

    /// What `--json` prints: the result, and where it was made.
    private static func document(_ result: RecoverResult, _ preparation: RecoverPreparation) -> JSONValue {
        var object = result.json.objectValue ?? JSONObject()
        object["environment"] = preparation.environment
        return .object(object)
    }

    /// Continues an interrupted recovery.
    static func resume(_ output: String, messages: OutputOptions) throws {
        let reporter = messages.makeReporter()
        let settings = try RecoverRun.interrupted(output: output)
        let preparation = try RecoverPreparation(settings, reporter: reporter)
        let result = try RecoverNarrator(reporter, preparation.context, messages).run { (run) throws(Fault) in
            try run.resume()
        }
        try messages.write(json: document(result, preparation), text: RecoverSummary.text(result))
    }
}
