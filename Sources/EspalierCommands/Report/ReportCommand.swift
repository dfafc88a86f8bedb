import ArgumentParser
import EspalierKit
import Faults
import Files
import Reports

/// `espalier report`
public struct ReportCommand: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes one HTML page about pruned models: verdict, figures, charts, what it saves.",
        discussion: """
            Each folder is an output of `espalier prune`. What else is known is taken from files beside its report.json: \
            results.json, written by `espalier evaluate --against DENSE --output`, and benchmark.json, written by \
            `espalier benchmark --against DENSE --output`; gate.json, written by `espalier gate --output`, makes the verdict, \
            without it limits of the page's own do. Several folders are compared; those that differ only in seed or \
            calibration text are summed up with their spread. The page needs nothing from outside. Vega-Lite \
            specifications of its charts go into a folder beside it.

            EXAMPLES
              espalier evaluate pruned --against model.gguf --text test.txt --output pruned/results.json
              espalier benchmark pruned --against model.gguf --output pruned/benchmark.json
              espalier report pruned --output report.html
              espalier report pruned --output report.html --card card.md
              espalier report seed0 seed1 seed2 --output seeds.html --max-perplexity-ratio 1.2
            """)

    @Argument(help: ArgumentHelp("Outputs of `espalier prune`.", valueName: "folder"), completion: .directory)
    public var folders: [String]

    @Option(
        name: [.short, .long], help: ArgumentHelp("The page to write, replacing it.", valueName: "file"),
        completion: .file())
    public var output: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write the folder's model card with the results in its head and text, replacing the file; one folder only.",
            valueName: "file"), completion: .file())
    public var card: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Verdict: perplexity over the dense model's for a go (default: 1.1).", valueName: "x"))
    public var maxPerplexityRatio: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Verdict: the same for a trial (default: 1.3, or the other where it is more).", valueName: "x"))
    public var trialPerplexityRatio: Double?

    @Option(name: .long, help: ArgumentHelp("The calculator's price of a machine per hour.", valueName: "p"))
    public var pricePerHour = 2.5

    @Option(name: .long, help: ArgumentHelp("The calculator's tokens per day.", valueName: "n"))
    public var tokensPerDay = 100_000_000.0

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        guard !folders.isEmpty else { throw ValidationError("There is nothing to report on: name a folder.") }
        guard card == nil || folders.count == 1 else { throw ValidationError("--card is about one folder.") }
        for (name, value) in [
            ("--max-perplexity-ratio", maxPerplexityRatio ?? 1),
            ("--trial-perplexity-ratio", trialPerplexityRatio ?? 1),
            ("--price-per-hour", pricePerHour), ("--tokens-per-day", tokensPerDay),
        ] where !(value.isFinite && value > 0) {
            throw ValidationError("\(name) must be a number above 0.")
        }
    }

    public mutating func run() throws {
        var runs: [PublishedRun] = []
        for folder in folders { runs.append(try PublishedRun(folder: folder)) }
        let results = try card.map { path in try resultsCard(runs[0], path) }
        var limits = Verdict.Limits()
        limits.goRatio = maxPerplexityRatio ?? limits.goRatio
        limits.canaryRatio = max(trialPerplexityRatio ?? limits.canaryRatio, limits.goRatio)
        try SamePath.refuse(output, "--output", among: folders)
        let file = try OutputTarget(output)
        let charts = output + ".charts"
        if file.isReplaced { try ReportCommand.checkCharts(charts) }
        let page = ReportPage(runs, limits: limits, pricePerHour: pricePerHour, tokensPerDay: tokensPerDay)
        try file.write(page.html)
        // A pipe or device has no place beside it.
        if file.isReplaced { try writeCharts(page, folder: charts) }
        if let results, let card {
            try OutputTarget(card).write(results)
            messages.makeReporter().note("wrote \(card)")
        }
        messages.makeReporter().note("wrote \(output)")
    }

    /// - Throws: `inputOutput` where the folder for the charts could not be made: told before anything is written.
    private static func checkCharts(_ charts: String) throws(Fault) {
        let name = FileSystem.last(charts)
        guard name.utf8.count <= FileSystem.longestName(in: FileSystem.parent(charts)) else {
            throw Fault(
                .inputOutput, "the name of the folder for the charts is too long", file: charts,
                found: "\(name.utf8.count) bytes", advice: "choose a shorter name for the page")
        }
        guard FileSystem.existsUnfollowed(charts), FileSystem.kind(charts) != .folder else { return }
        throw Fault(
            .inputOutput, "the folder for the charts cannot be made: something else has its name", file: charts,
            advice: "move it away, or choose another name for the page")
    }

    private func writeCharts(_ page: ReportPage, folder charts: String) throws(Fault) {
        if FileSystem.kind(charts) == nil { try FileSystem.makeFolder(charts) }
        for (name, json) in page.specifications {
            try OutputTarget(charts + "/\(name).vl.json").write(json.text() + "\n")
        }
    }

    /// - Throws: `usage` where the card would replace the published one: its digest is in the folder's record.
    private func resultsCard(_ run: PublishedRun, _ path: String) throws(Fault) -> String {
        let readme = run.folder + "/README.md"
        try SamePath.refuse(path, "--card", among: folders)
        let text = String(decoding: try ReadableFile.bytes(readme), as: UTF8.self)
        return try ResultsCard(run).text(readme: text, file: readme)
    }
}
