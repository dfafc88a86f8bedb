import ArgumentParser
import Faults

/// `espalier verify`
public struct Verify: ParsableCommand {
    public static let configuration = CommandConfiguration(
        abstract: "Checks a published folder: digests, shapes, patterns, and that it opens.",
        discussion: """
            Every file is held against the digest in COMPLETE.json, every tensor against the configuration, and the \
            zeros of every pruned linear against the pattern in report.json. Exits with 0 when all is well.

            EXAMPLES
              espalier verify pruned
              espalier verify pruned --json
            """)

    @Argument(help: ArgumentHelp("A folder that `espalier prune` published.", valueName: "dir"))
    public var folder: String

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func run() throws {
        let reporter = messages.makeReporter()
        let verification = try PublishedFolder(folder, reporter: reporter)
        verification.warnings.forEach(reporter.warning)
        messages.write(json: verification.json, text: verification.text)
    }
}
