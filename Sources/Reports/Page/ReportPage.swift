import Foundation
import JSONText

/// One self-contained page about one or several runs: nothing in it comes from another place.
public struct ReportPage {
    let runs: [PublishedRun]
    let limits: Verdict.Limits
    /// What the calculator starts with.
    let costs: Costs
    /// In seconds since 1970.
    let madeAt: Double

    /// - Parameters:
    ///   - runs: at least one. Those of the same name are told apart by the folder above, or by a number.
    ///   - date: the page's own.
    public init(
        _ runs: [PublishedRun], limits: Verdict.Limits = Verdict.Limits(), costs: Costs = Costs(), date: Date = Date()
    ) {
        self.runs = ReportPage.toldApart(runs)
        self.limits = limits
        self.costs = costs
        madeAt = date.timeIntervalSince1970
    }

    private static func toldApart(_ runs: [PublishedRun]) -> [PublishedRun] {
        func areTold(_ runs: [PublishedRun]) -> Bool { Set(runs.map(\.name)).count == runs.count }
        var result = runs
        if !areTold(result) {
            for index in result.indices {
                let parts = result[index].folder.split(separator: "/").filter { $0 != "." }
                result[index].name = parts.suffix(2).joined(separator: "/")
            }
        }
        if !areTold(result) { for index in result.indices { result[index].name += " (\(index + 1))" } }
        return result
    }

    /// The text that the page compares by: one that all compared runs share, else each run's own.
    func text(_ run: PublishedRun) -> PublishedRun.Text? {
        let compared = runs.filter { $0.text?.ratio != nil }
        let shared = compared.first?.texts.first { text in
            compared.allSatisfy { $0.texts.contains { $0.identity == text.identity && $0.ratio != nil } }
        }
        return run.texts.first { $0.identity == shared?.identity } ?? run.text
    }

    func verdict(_ run: PublishedRun) -> Verdict { Verdict(run, limits: limits) }

    /// Vega-Lite specifications of the page's charts, by name.
    public var specifications: [(name: String, json: JSONValue)] {
        charts.map { ($0.name, $0.specification) }
    }

    private var charts: [Chart] {
        var list = [weightsChart, sizeChart, speedChart, spreadChart, taskChart].compactMap { $0 }
        for (index, run) in runs.enumerated() {
            for var chart in [Charts.heatMap(run), Charts.search(run), Charts.recovery(run)].compactMap({ $0 }) {
                chart.name += "-\(index + 1)"
                list.append(chart)
            }
        }
        return list
    }

    public var html: String {
        let title =
            runs.count == 1 ? "Pruned model: \(HTML.name(runs[0].name))" : "\(runs.count) pruned models compared"
        let (style, script) = (Stylesheet.text, CalculatorScript.text)
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(ContentPolicy.text(style: style, script: script))">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" href="data:,">
            <title>\(title)</title>
            <style>\(style)</style>
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            <p class="summary">\(summary)</p>
            <p class="small">\(facts)</p>
            \(contents)
            \(sections.map(\.body).joined())\(glossary)
            </main>
            <script>\(script)</script>
            </body>
            </html>

            """
    }

    /// In the order of the page; those about nothing that is known are left out.
    private var sections: [(id: String, title: String, body: String)] {
        let all: [(String, String, (body: String, lead: String)?)] = [
            ("verdict", "Verdict", verdicts), ("comparison", "Quality, size and speed", comparison),
            ("exports", "Exported files", exports), ("runs", "The runs", about),
            ("seeds", "Calibration texts and seeds", seeds),
            ("layers", "What each layer lost", layers), ("search", "Progress of the search", search),
            ("recovery", "Training after pruning", recovery), ("tasks", "Tasks", tasks),
            ("samples", "Side by side", samples), ("calibration", "Calibration", calibration),
            ("calculator", "What it saves", calculator), ("recipe", "Environment and recipe", recipes),
            ("roll-out", "Go or no-go: rolling out, and back", rollOut),
        ]
        return all.compactMap { id, title, content in
            content.map { (id, title, HTML.section(id, title, $0.body, lead: $0.lead)) }
        }
    }

    private var contents: String {
        "<nav>" + sections.map { "<a href=\"#\($0.id)\">\($0.title)</a>" }.joined(separator: " ") + "</nav>"
    }

    private var glossary: String {
        let words = [
            ("Dense model", "the model before pruning."),
            ("Perplexity", "how surprised a model is by human-written text. Lower is better."),
            ("KL", "how far the pruned model's predictions are from the dense model's. 0 is the same."),
            ("Same next token", "how often both models predict the same next token, a word or a piece of one."),
            ("Sparsity", "the share of the weights that are zero, or the share of the budget that was removed."),
        ]
        return "<footer><dl>" + words.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }.joined()
            + "</dl><p>Made by Espalier. The page loads nothing from elsewhere.</p></footer>"
    }
}
