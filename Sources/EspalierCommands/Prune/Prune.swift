import ArgumentParser
import EspalierKit
import Faults
import Recipes
import Runs

/// `espalier prune`
public struct Prune: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Prunes a model, block by block, into a folder that other software opens.",
        discussion: """
            Blocks are read, pruned, written and dropped one after the other; memory holds one block, the next one and \
            the hidden states of the calibration text. States that do not fit into half of the free memory, or into \
            --memory, are kept on disk. `espalier plan` estimates how much a run takes. The run can be interrupted \
            at any time; `espalier resume` continues after the last finished block. The model is never changed.

            Weights stay dense tensors with zeros: files get no smaller, and only software that uses the zeros gets \
            faster. Methods that remove whole heads and neurons (\(MethodHelp.removingUnits)) make the model smaller.

            EXAMPLES
              espalier prune model.gguf --output pruned --pattern 2:4 \\
                --calibration news.txt
              espalier prune model --output pruned --sparsity 60% \\
                --calibration chats.jsonl@2 --calibration code.txt
              espalier prune model --output pruned --method sparsegpt \\
                --calibration tokens.safetensors --samples 64
              espalier prune model --output pruned --pattern 4:8 --calibration self \\
                --samples 32
              espalier prune model --output small --method \(MethodHelp.removingUnitsExample) --sparsity 25% \\
                --calibration news.txt
              espalier prune model.gguf --output small --method \(MethodHelp.removingUnitsExample) --sparsity 50% \\
                --recover 200 --calibration wikipedia.txt
              espalier prune --recipe recipe.yaml --output again
            """)

    @OptionGroup public var request: PruneArguments

    @Flag(name: .long, help: "Replaces the output; the old folder is moved to DIR.previous-N.")
    public var overwrite = false

    @Flag(name: .long, help: "Prints an estimate of the run, as `espalier plan` does, and exits.")
    public var plan = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        let recipe = try request.recipe(overwrite: overwrite)
        if plan { return try PlanRun.run(recipe, messages: messages) }
        let settings = try recipe.resolved()
        if settings.recoverySteps != nil { return try runStages(settings) }
        // Calibration text may take long to make: what is wrong with the output is told before.
        try PruneRun.check(settings)
        let reporter = messages.makeReporter()
        let context = try PrunePreparation(settings, reporter: reporter).context
        try PruneRun.check(context)
        let interruption = Interruption(output: settings.output ?? "", log: messages.logFile.flatMap(LogFile.open))
        let narrator = RunNarrator(reporter, context: context)
        let result = try PruneRun(context) {
            interruption.handle($0)
            narrator.handle($0)
        }.start()
        narrator.finish(result)
        try messages.write(json: result.json, text: RunSummary.text(result))
    }

    private func runStages(_ settings: PruneSettings) throws {
        let reporter = messages.makeReporter()
        let narrator = StagesNarrator(reporter, output: settings.output ?? "", messages)
        let result = try StagedPruning(starting: settings, reporter: reporter, observer: narrator).run()
        try messages.write(json: result.json, text: StagesSummary.text(result))
    }
}

/// `espalier resume`
public struct Resume: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Continues an interrupted run of prune or recover.",
        discussion: """
            Pass the output folder of the interrupted run. A prune run continues after the last finished block, a \
            recovery after the last check, a run with --recover with the stage that was at work. The result is the same, byte for byte, as without the \
            interruption. A run that is already finished is left unchanged.

            EXAMPLES
              espalier resume pruned
            """)

    @Argument(help: ArgumentHelp("The output folder of the interrupted run.", valueName: "dir"), completion: .directory)
    public var output: String

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        let reporter = messages.makeReporter()
        let stages = StagesNarrator(reporter, output: output, messages)
        if let run = try StagedPruning.interrupted(output: output, reporter: reporter, observer: stages) {
            let result = try run.run()
            return try messages.write(json: result.json, text: StagesSummary.text(result))
        }
        if RecoverRun.isRecovery(output: output) { return try Recover.resume(output, messages: messages) }
        guard let settings = try PruneRun.interrupted(output: output) else {
            reporter.note("\(output) is finished; there is nothing to do")
            if messages.json {
                try messages.write(json: .object(["output": .string(output), "finished": .bool(true)]), text: "")
            }
            return
        }
        let context = try PrunePreparation(settings, reporter: reporter).context
        let interruption = Interruption(output: output, log: messages.logFile.flatMap(LogFile.open))
        let narrator = RunNarrator(reporter, context: context)
        let result = try PruneRun(context) {
            interruption.handle($0)
            narrator.handle($0)
        }.resume()
        narrator.finish(result)
        try messages.write(json: result.json, text: RunSummary.text(result))
    }
}

/// What `prune` and `plan` are asked: flags and recipe together.
public struct PruneArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder to write the pruned model to.", valueName: "dir"),
        completion: .directory)
    public var output: String?

    @OptionGroup(title: "Pruning") public var options: PruneOptions
    @OptionGroup(title: "WANDA++") public var regional: RegionalOptions
    @OptionGroup(title: "Týr") public var structural: StructuralOptions
    @OptionGroup(title: "Engine") public var engine: PruneEngineOptions

    public init() {}

    func recipe(overwrite: Bool) throws(Fault) -> PruneRecipe {
        var flags = PruneRecipe()
        flags.model = model
        flags.output = output
        flags.overwrite = overwrite ? true : nil
        options.apply(to: &flags)
        regional.apply(to: &flags)
        structural.apply(to: &flags)
        engine.apply(to: &flags)
        let file = try options.recipe.map { path throws(Fault) in try PruneRecipe(contentsOf: path) }
        return file.map { $0.merging(flags: flags) } ?? flags
    }
}
