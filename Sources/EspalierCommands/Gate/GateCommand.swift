import ArgumentParser
import EspalierKit
import Faults
import Files
import Gate
import JSONText

/// `espalier gate`
public struct GateCommand: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Checks results against rules: pass, fail or not comparable.",
        discussion: """
            RESULTS is what `espalier evaluate --output` writes, or a results file of lm-evaluation-harness. The rules \
            are YAML with the stages poc, canary and full; Documentation/Gate.md explains them. Accuracies are \
            compared by a one-sided test with their standard errors. Results that do not belong together (another task \
            version, number of items, text or tokenizer), and figures that are missing, never pass.

            Exits with 0 when all rules hold, 2 when one fails, 3 when something is not comparable. A rule with \
            `optional: true` is skipped where its figure was not measured.

            EXAMPLES
              espalier gate --init gate.yaml
              espalier gate results.json --rules gate.yaml
              espalier gate results.json --rules gate.yaml --stage canary
              espalier gate results.json --rules gate.yaml --baseline dense.json
              espalier gate recovered/results.json --rules gate.yaml \\
                --pruned pruned/results.json --recovery recovered/recovery.json
              espalier gate results.json --rules gate.yaml --junit gate.xml
              espalier gate pruned/results.json --rules gate.yaml --stage canary \\
                --output pruned/gate.json
            """)

    @Argument(
        help: ArgumentHelp("The pruned model's results.", valueName: "results"), completion: .file(extensions: ["json"])
    )
    public var results: String?

    @Option(
        name: .long, help: ArgumentHelp("The rules, in YAML.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    public var rules: String?

    @Option(
        name: .customLong("init"),
        help: ArgumentHelp(
            "Writes a set of rules to start from to a new file, and does nothing else.", valueName: "file"),
        completion: .file(extensions: ["yaml"]))
    public var start: String?

    @Option(
        name: .long, help: ArgumentHelp("The dense model's results.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var baseline: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Of a recovered model: the pruned model's results, from before recovery.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var pruned: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Of a recovered model: its recovery.json, for the rule on held-out sequences.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var recovery: String?

    @Option(
        name: .long, help: ArgumentHelp("Rules to check: poc, canary or full (default: full).", valueName: "stage"),
        completion: .words(GateRules.Stage.self), transform: optionValue)
    public var stage: GateRules.Stage = .full

    @Option(
        name: .long, help: ArgumentHelp("The run's report.json, for the rules on sizes.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var report: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The output of `espalier benchmark --output`, for the rules on speed.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var benchmark: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The output of `espalier generate --golden`: golden prompts with the model's answers.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    public var golden: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Writes the verdict as JSON, replacing the file; `espalier report` reads gate.json.", valueName: "file"),
        completion: .file())
    public var output: String?

    @Option(
        name: .long, help: ArgumentHelp("Writes the verdict as JUnit XML, replacing the file.", valueName: "file"),
        completion: .file())
    public var junit: String?

    @Option(
        name: .long, help: ArgumentHelp("Writes the verdict as Markdown, replacing the file.", valueName: "file"),
        completion: .file())
    public var summary: String?

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        if start != nil {
            let others: [Any?] = [
                results, rules, baseline, pruned, recovery, report, benchmark, golden, output, junit, summary,
            ]
            guard others.allSatisfy({ $0 == nil }) else {
                throw ValidationError("--init writes rules and checks nothing: leave out the results and other files.")
            }
        } else {
            guard results != nil else { throw ValidationError("Name the pruned model's results.") }
            guard rules != nil else {
                throw ValidationError("Name the rules with --rules, or write some with: espalier gate --init gate.yaml")
            }
        }
    }

    public mutating func run() throws {
        if let start { return try writeRules(start) }
        guard let results, let rules else { return }
        let inputs = [results, rules] + [baseline, pruned, recovery, report, benchmark, golden].compactMap { $0 }
        for (path, name, model) in [(baseline, "the baseline is", "dense"), (pruned, "--pruned names", "pruned")] {
            guard let path, SamePath.areSame(path, results) else { continue }
            throw Fault(
                .usage, "\(name) the results themselves", file: path,
                advice: "evaluate the \(model) model into a file of its own")
        }
        for (flag, path) in [("--output", output), ("--junit", junit), ("--summary", summary)] {
            if let path { try SamePath.refuse(path, flag, among: inputs) }
        }
        let verdict = try GateRun(
            results: results, rules: rules, stage: stage, baseline: baseline, report: report, benchmark: benchmark,
            golden: golden, pruned: pruned, recovery: recovery
        ).verdict()
        var delivery = messages.makeDelivery()
        func deliver(_ path: String?, _ text: String) {
            guard let path else { return }
            delivery.attempt { () throws(Fault) in try OutputTarget(path).write(text) }
        }
        deliver(output, verdict.json.text() + "\n")
        deliver(junit, JUnitReport.text(verdict))
        deliver(summary, MarkdownSummary.text(verdict))
        delivery.attempt { () throws(Fault) in try messages.write(json: verdict.json, text: verdict.text) }
        try delivery.finish(verdict: verdict.outcome.exitCode)
    }

    private func writeRules(_ path: String) throws {
        guard FileSystem.kindUnfollowed(path) == nil else {
            throw Fault(
                .outputExists, "the file already exists", file: path,
                advice: "choose another file name, or remove this file")
        }
        try OutputTarget(path).write(GateRules.start)
        try messages.write(
            json: .object(["rules": .string(path)]),
            text:
                "\(LegibleText.of(path, limit: 500)): rules for stages poc, canary, full. Set their limits, then run\n"
                + "  espalier gate results.json --rules \(LegibleText.of(path, limit: 500)) --stage canary\n")
    }
}

extension GateVerdict {
    /// What a person reads.
    var text: String {
        var table = TextTable(leftColumns: 5)
        for check in checks {
            table.add(check.outcome.rawValue, check.rule, check.subject, check.limit, check.reason)
        }
        return table.text + notes.map { "note: \(Fault.harmless($0, limit: 1000))\n" }.joined()
            + "\nstage \(Fault.harmless(stage, limit: 200)): \(headline)\n"
    }
}
