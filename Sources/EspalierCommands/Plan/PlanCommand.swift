import ArgumentParser
import Faults
import Runs

/// `espalier plan`
public struct PlanCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Tells what a prune run would make and take: bytes, memory, time, weights removed.",
        discussion: """
            Takes the options of `espalier prune`, reads the model's headers and the calibration text, and measures the \
            machine for a few seconds on block 0, whose weights must be there. Nothing is written.

            Without --calibration the samples and their length are those of --samples and --sequence-length.

            EXAMPLES
              espalier plan model.gguf --pattern 2:4 --calibration news.txt
              espalier plan model --method sparsegpt --samples 64 --sequence-length 1024
              espalier plan model --recipe recipe.yaml --json
            """)

    @Argument(help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"))
    public var model: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder that the run would publish; checked.", valueName: "dir"))
    public var output: String?

    @Flag(name: .long, help: "Whether the run would replace the output.")
    public var overwrite = false

    @OptionGroup(title: "Pruning") public var options: PruneOptions
    @OptionGroup(title: "WANDA++") public var regional: RegionalOptions
    @OptionGroup(title: "Týr") public var structural: StructuralOptions
    @OptionGroup(title: "Engine") public var engine: PruneEngineOptions
    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        let flags = PruneFlags(
            model: model, output: output, overwrite: overwrite ? true : nil, options: options, regional: regional,
            structural: structural, engine: engine)
        try PlanRun.run(flags, messages: messages)
    }
}

/// What `plan` and `prune --plan` do.
enum PlanRun {
    static func run(_ flags: PruneFlags, messages: OutputOptions) throws(Fault) {
        let reporter = messages.makeReporter()
        let plan = try make(try flags.planSettings(), reporter: reporter)
        reporter.finish()
        messages.write(json: plan.json, text: PlanText.text(plan))
    }
}
