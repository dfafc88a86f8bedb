import ArgumentParser
import EspalierKit
import Faults

/// `espalier inspect`
public struct Inspect: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Shows a model's architecture, its storage formats and how sparse it is.",
        discussion: """
            Lists family, shapes, parameters by part, stored data types, the linear layers that can be pruned with \
            their zeros and K:M patterns, weights that are NaN or infinite, and the tokenizer. The weights are read \
            once, one tensor at a time.

            EXAMPLES
              espalier inspect model.gguf
              espalier inspect folder --no-weights
              espalier inspect pruned --json
            """)

    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String

    @Flag(name: .long, help: "Reads the headers only: counts no zeros, patterns or NaN values.")
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
