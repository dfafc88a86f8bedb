import ArgumentParser
import EspalierKit
import Faults

/// `espalier verify`
public struct Verify: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Checks a published folder: digests, shapes, patterns, and that it opens.",
        discussion: """
            Every file is held against the digest in COMPLETE.json and every tensor against the configuration. The \
            zeros of every linear, the pattern, sparsities, shapes and parameters are held against report.json, and \
            against what the method of recipe.yaml had to remove in every row, matrix or group. Says what it compared, \
            and exits with 0 when all is well.

            EXAMPLES
              espalier verify pruned
              espalier verify pruned --json
            """)

    @Argument(help: ArgumentHelp("A folder that `espalier prune` published.", valueName: "dir"), completion: .directory)
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
