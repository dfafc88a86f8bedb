import ArgumentParser
import EspalierKit
import Faults

/// `espalier inspect`
public struct Inspect: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Shows what a model is made of and how sparse it is.",
        discussion: """
            Family, shapes, parameters by part, stored types, the linears that can be pruned with their zeros and the \
            K:M patterns that hold, weights that are not numbers, and the tokenizer. The weights are read once, one \
            tensor at a time.

            EXAMPLES
              espalier inspect model.gguf
              espalier inspect folder --no-weights
              espalier inspect pruned --json
            """)

    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String

    @Flag(name: .long, help: "Read the headers only: no zeros, patterns or values that are not numbers.")
    public var noWeights = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        let reporter = messages.makeReporter()
        let inspection = try Inspection(model, readsWeights: !noWeights, reporter: reporter)
        inspection.warnings.forEach(reporter.warning)
        try messages.write(json: inspection.json, text: inspection.text)
    }
}
