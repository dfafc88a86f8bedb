import ArgumentParser
import EspalierKit
import Faults

/// `espalier verify`
public struct Verify: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Checks a published folder: digests, shapes, patterns, and that it opens.",
        discussion: """
            Every file is compared with its digest in COMPLETE.json and every tensor with the configuration. The \
            zeros of every linear layer, the pattern, sparsities, shapes and parameters are compared with report.json, \
            and with what the method in recipe.yaml had to remove in every row, matrix or group. Lists what was \
            compared, and exits with 0 if everything matches.

            EXAMPLES
              espalier verify pruned
              espalier verify pruned --json
            """)

    @Argument(help: ArgumentHelp("An output folder of `espalier prune`.", valueName: "dir"), completion: .directory)
    public var folder: String

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        let reporter = messages.makeReporter()
        let verification = try PublishedFolder(folder, reporter: reporter)
        verification.warnings.forEach(reporter.warning)
        try messages.write(json: verification.json, text: verification.text)
    }
}
