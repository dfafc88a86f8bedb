import ArgumentParser
import EspalierKit
import Faults
import Files
import Reports

/// `espalier report`
public struct ReportCommand: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes one HTML page about pruned models: verdict, figures, charts, savings.",
        discussion: """
            Each folder is an output of `espalier prune` or `espalier recover`. Measurements are taken from files \
            beside its report.json: results.json, written by `espalier evaluate --against DENSE --output`, and \
            benchmark.json, written by `espalier benchmark --against DENSE --output`; gate.json, written by \
            `espalier gate --output`, decides the verdict; without it the page's own limits do. Files export.json \
            and export-NAME.json, written by `espalier export --to gguf --text TEXT --results`, show what was \
            exported and what its types cost. A recovered folder is shown beside the pruned one, with \
            recovery-cost.json, written by `espalier recover --results`. Several folders are compared; those whose \
            recipes differ only in seed or calibration text are summarized with their spread. The page loads nothing \
            from elsewhere. Vega-Lite specifications of its charts are written to a folder beside it. Savings are \
            computed only for runs that may be served and are measurably faster, and only from a price and a load \
            that you enter, here or in the page. With --json the page's data are printed, and --output may be \
            omitted.

            EXAMPLES
              espalier evaluate pruned --against model.gguf --text test.txt \\
                --output pruned/results.json
              espalier benchmark pruned --against model.gguf --output pruned/benchmark.json
              espalier report pruned --output report.html
              espalier report pruned --output report.html --card card.md
              espalier report seed0 seed1 seed2 --output seeds.html \\
                --max-perplexity-ratio 1.2
              espalier report pruned --output report.html --price-per-hour 2.5 \\
                --tokens-per-day 1e8 --currency EUR
              espalier report pruned recovered --output report.html
              espalier report pruned --json
            """)

    @Argument(
        help: ArgumentHelp("Output folders of `espalier prune` or `espalier recover`.", valueName: "folder"),
        completion: .directory)
    public var folders: [String]

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The page to write, replacing it; required without --json.", valueName: "file"),
        completion: .file())
    public var output: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Writes the folder's model card, with the results added, to this file, replacing it; one folder only.",
            valueName: "file"), completion: .file())
    public var card: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Maximum perplexity ratio for a \"go\" (default: 1.1).", valueName: "x"))
    public var maxPerplexityRatio: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Maximum perplexity ratio for a trial (default: 1.3, or that for a \"go\" if larger).", valueName: "x"))
    public var trialPerplexityRatio: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Price of one machine per hour, to compute savings (default: none; the page asks for it).", valueName: "p"))
    public var pricePerHour: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "New tokens per day, to compute savings (default: none; the page asks for it).", valueName: "n"))
    public var tokensPerDay: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "One-time cost of pruning and testing (default: none; the page asks for it).", valueName: "p"))
    public var spentOnce: Double?

    @Option(
        name: .long,
        help: ArgumentHelp("Currency of the prices, such as EUR, USD or € (default: none).", valueName: "name"))
    public var currency: String?

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        guard !folders.isEmpty else { throw ValidationError("There is nothing to report on; name a folder.") }
        guard card == nil || folders.count == 1 else { throw ValidationError("--card takes one folder only.") }
        guard output != nil || messages.json else {
            throw ValidationError("Name the page to write with --output, or print the data with --json.")
        }
        for (name, value) in [
            ("--max-perplexity-ratio", maxPerplexityRatio ?? 1),
            ("--trial-perplexity-ratio", trialPerplexityRatio ?? 1),
        ] where !(value.isFinite && value > 0) {
            throw ValidationError("\(name) must be a number above 0.")
        }
        // A price per million tokens, or a load per second, would make a saving that nobody sees.
        for (name, value, range, text) in [
            ("--price-per-hour", pricePerHour, Costs.prices, "0.001 and 10,000, the price of one machine"),
            ("--tokens-per-day", tokensPerDay, Costs.loads, "1 and 1e15"),
            ("--spent-once", spentOnce, Costs.spendings, "0 and 1e9"),
        ] {
            guard let value, !range.contains(value) else { continue }
            throw ValidationError("\(name) must be between \(text).")
        }
        if let currency, !Costs.isCurrency(currency) {
            throw ValidationError(
                "--currency must be a sign or a name of at most \(Costs.longestCurrency) letters, such as EUR.")
        }
    }

    public mutating func run() throws {
        var runs: [PublishedRun] = []
        for folder in folders { runs.append(try PublishedRun(folder: folder)) }
        let results = try card.map { path in try resultsCard(runs[0], path) }
        var limits = Verdict.Limits()
        limits.goRatio = maxPerplexityRatio ?? limits.goRatio
        limits.canaryRatio = max(trialPerplexityRatio ?? limits.canaryRatio, limits.goRatio)
        let page = ReportPage(
            runs, limits: limits,
            costs: Costs(
                pricePerHour: pricePerHour, tokensPerDay: tokensPerDay, spentOnce: spentOnce, currency: currency))
        try write(page)
        if let results, let card {
            try OutputTarget(card).write(results)
            messages.makeReporter().note("wrote \(card)")
        }
        if let output { messages.makeReporter().note("wrote \(output)") }
        if messages.json { try StandardOutput.write(page.json.text() + "\n") }
    }

    private func write(_ page: ReportPage) throws {
        guard let output else { return }
        if messages.json, SamePath.areSame(output, "/dev/stdout") {
            throw Fault(
                .usage, "--output would mix the page with what --json prints", file: output,
                advice: "choose a file, or omit --output")
        }
        try SamePath.refuse(output, "--output", among: folders)
        let file = try OutputTarget(output)
        let charts = output + ".charts"
        if file.isReplaced { try ReportCommand.checkCharts(charts) }
        try file.write(page.html)
        // A pipe or device has no place beside it.
        if file.isReplaced { try writeCharts(page, folder: charts) }
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
            .inputOutput, "the folder for the charts cannot be created: its name is already taken", file: charts,
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
