import ArgumentParser
import EspalierKit
import Faults
import Planning
import Recipes

/// `espalier plan`
public struct PlanCommand: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Estimates a prune run: output size, memory, time and weights removed.",
        discussion: """
            Takes the options of `espalier prune`, reads the model's headers and the calibration text, and measures \
            the machine for a few seconds on the heaviest block. Nothing is written.

            The model may be a folder with config.json alone: sizes then come from the configuration and time from a \
            block of random weights, narrower than the model's where that is very large.

            Without --calibration the samples and their length are those of --samples and --sequence-length.

            EXAMPLES
              espalier plan model.gguf --pattern 2:4 --calibration news.txt
              espalier plan model --method sparsegpt --samples 64 --sequence-length 1024
              espalier plan folder-with-config-json \\
                --method \(MethodHelp.removingUnitsExample) --sparsity 25%
              espalier plan model --recipe recipe.yaml --json
            """)

    @OptionGroup public var request: PruneArguments

    @Flag(name: .long, help: "Plans a run that replaces the output.")
    public var overwrite = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        try PlanRun.run(try request.recipe(overwrite: overwrite), messages: messages)
    }
}

/// What `plan` and `prune --plan` do.
enum PlanRun {
    static func run(_ recipe: PruneRecipe, messages: OutputOptions) throws(Fault) {
        let reporter = messages.makeReporter()
        let settings = try recipe.planSettings()
        if settings.recoverySteps != nil {
            let plan = try StagedPlan(settings, reporter: reporter)
            reporter.finish()
            return try messages.write(json: plan.json, text: PlanText.text(plan))
        }
        let plan = try Plan.making(settings, reporter: reporter)
        reporter.finish()
        try messages.write(json: plan.json, text: PlanText.text(plan))
    }
}
