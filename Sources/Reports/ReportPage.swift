import JSONText

/// One self-contained page about one or several runs: nothing in it comes from another place.
public struct ReportPage {
    private let runs: [PublishedRun]
    private let limits: Verdict.Limits
    /// What the calculator starts with.
    private let pricePerHour: Double
    private let tokensPerDay: Double

    /// - Parameter runs: at least one.
    public init(
        _ runs: [PublishedRun], limits: Verdict.Limits = Verdict.Limits(), pricePerHour: Double = 2.5,
        tokensPerDay: Double = 1e8
    ) {
        self.runs = runs
        self.limits = limits
        self.pricePerHour = pricePerHour
        self.tokensPerDay = tokensPerDay
    }

    /// Vega-Lite specifications of the page's charts, by name.
    public var specifications: [(name: String, json: JSONValue)] {
        charts.map { ($0.name, $0.specification) }
    }

    private var charts: [Chart] {
        var list = [Charts.pareto(runs), Charts.tasks(runs)].compactMap { $0 }
        for (index, run) in runs.enumerated() {
            for var chart in [Charts.heatMap(run), Charts.search(run)].compactMap({ $0 }) {
                chart.name += "-\(index + 1)"
                list.append(chart)
            }
        }
        return list
    }

    public var html: String {
        let title = runs.count == 1 ? "Pruned model: \(HTML.name(runs[0].name))" : "\(runs.count) pruned models"
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
            <link rel="icon" href="data:,">
            <title>\(title)</title>
            <style>\(Stylesheet.text)</style>
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            \(verdicts)\(comparison)\(seeds)\(tasks)\(layers)\(search)\(samples)\(calculator)\(calibration)\(rollOut)\(recipes)
            <footer>Made by Espalier. Perplexity: how surprised a model is by a text, lower is better. KL: how far its predictions are from the \
            dense model's, in nats, 0 is the same.</footer>
            </main>
            <script>\(CalculatorScript.text)</script>
            </body>
            </html>

            """
    }

    // MARK: Sections

    private var verdicts: String {
        let words: [Verdict.Decision: String] = [
            .go: "Go", .canary: "Try it on a share of the traffic", .noGo: "No-go", .unknown: "Not known",
        ]
        let cards = runs.map { run -> String in
            let verdict = Verdict(run, limits: limits)
            return """
                <article class="verdict \(verdict.decision.rawValue)"><h3>\(words[verdict.decision] ?? "")</h3>
                <p class="name">\(HTML.name(run.name))</p><p>\(HTML.text(verdict.reason))</p>
                <p class="small">\(HTML.text(run.method)), \(HTML.text(run.pattern)), \(Figure.percent(run.achieved)) removed</p></article>
                """
        }
        return HTML.section(
            "Verdict", "<div class=\"cards\">\(cards.joined())</div>",
            lead:
                "Go: perplexity at most \(Figure.fixed(limits.goRatio, 2)) times the dense model's and the same likeliest token at least "
                + "\(Figure.percent(limits.goAgreement, 0)) of the time. A trial: at most \(Figure.fixed(limits.canaryRatio, 2)) times."
        )
    }

    private var comparison: String {
        let rows = runs.map { run -> [String] in
            let best = run.speeds.map(\.decode).max()
            return [
                HTML.name(run.name), HTML.text(run.method), HTML.text(run.pattern), Figure.percent(run.achieved),
                Figure.count(run.parametersAfter), Figure.fixed(run.sizeRatio, 2),
                Figure.fixed(run.text?.perplexity, 2), Figure.fixed(run.text?.ratio, 3), Figure.fixed(run.text?.kl, 4),
                Figure.percent(run.text?.topAgreement), best.map { Figure.fixed($0, 2) + "×" } ?? "–",
            ]
        }
        let table = HTML.table(
            [
                "run", "method", "pattern", "removed", "parameters left", "size", "perplexity", "times dense", "KL",
                "same token", "speed",
            ], rows)
        let speeds = runs.flatMap { run in
            run.speeds.map { speed in
                [
                    HTML.name(run.name), "\(speed.prompt)", "\(speed.batch)", Figure.fixed(speed.firstToken, 2) + "×",
                    Figure.fixed(speed.decode, 2) + "×", Figure.fixed(speed.denseTokensPerSecond, 1),
                ]
            }
        }
        let speedTable =
            speeds.isEmpty
            ? "<p class=\"small\">Speed was not measured: put the output of benchmark --against DENSE --output into the folder as benchmark.json.</p>"
            : HTML.table(["run", "prompt", "batch", "first token", "new tokens", "dense, tokens/s"], speeds)
        return HTML.section(
            "Quality, size and speed", (Charts.pareto(runs)?.svg ?? "") + table + speedTable,
            lead:
                "Perplexity and KL on \(HTML.name(runs.compactMap { $0.text?.name }.first ?? "no text")). Zeros in a matrix take "
                + "room and time until a kernel skips them; removed heads and neurons do not.")
    }

    /// Runs that differ in seed or calibration text only.
    private var seeds: String {
        var groups: [(key: String, runs: [PublishedRun])] = []
        for run in runs where run.text?.perplexity != nil {
            let key = "\(run.method)|\(run.pattern)|\(Figure.fixed(run.asked, 4))"
            if let place = groups.firstIndex(where: { $0.key == key }) {
                groups[place].runs.append(run)
            } else {
                groups.append((key, [run]))
            }
        }
        let rows = groups.filter { $0.runs.count > 1 }.map { group -> [String] in
            let values = group.runs.compactMap { $0.text?.perplexity }.filter(\.isFinite)
            let mean = values.reduce(0, +) / Double(max(1, values.count))
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : .nan
            let seeds = group.runs.map { $0.seed.map(String.init) ?? "–" }.joined(separator: ", ")
            let sources = Set(group.runs.flatMap(\.sources)).sorted().map(HTML.name).joined(separator: ", ")
            return [
                HTML.text(group.runs[0].method), HTML.text(group.runs[0].pattern), Figure.percent(group.runs[0].asked),
                HTML.text(seeds), sources, "\(Figure.fixed(mean, 2)) ± \(Figure.fixed(deviation, 2))",
                "\(Figure.fixed(values.min(), 2)) to \(Figure.fixed(values.max(), 2))",
            ]
        }
        guard !rows.isEmpty else { return "" }
        return HTML.section(
            "The same again with other seeds and texts",
            HTML.table(["method", "pattern", "asked", "seeds", "calibration", "perplexity", "range"], rows),
            lead: "A difference between two methods that is smaller than this spread says nothing.")
    }

    private var tasks: String {
        guard let chart = Charts.tasks(runs) else { return "" }
        let legend = runs.enumerated().map {
            "<span class=\"key c\($0.offset % 6)\">\(HTML.name($0.element.name))</span>"
        }
        return HTML.section(
            "Tasks", "<p>\(legend.joined(separator: " "))</p>" + chart.svg,
            lead: "Share of right answers; the bar's end is one standard error wide on either side.")
    }

    private var layers: String {
        let parts = runs.compactMap { run in
            Charts.heatMap(run).map { "<h3>\(HTML.name(run.name))</h3>\($0.svg)" }
        }
        guard !parts.isEmpty else { return "" }
        return HTML.section(
            "What each layer lost", parts.joined(),
            lead:
                "The stronger the colour, the more of that matrix is gone. Below: how far the layer's output is from what it should be, relative to its size."
        )
    }

    private var search: String {
        let parts = runs.compactMap { run in
            Charts.search(run).map { "<h3>\(HTML.name(run.name))</h3>\($0.svg)" }
        }
        guard !parts.isEmpty else { return "" }
        return HTML.section("Progress of the search", parts.joined(), lead: "Before the last re-training.")
    }

    private var samples: String {
        let rows = runs.flatMap { run in
            run.samples.prefix(8).map {
                [
                    HTML.name(run.name), HTML.text($0.prompt, limit: 600), HTML.text($0.dense, limit: 600),
                    HTML.text($0.pruned, limit: 600),
                ]
            }
        }
        guard !rows.isEmpty else { return "" }
        return HTML.section(
            "Side by side", HTML.table(["run", "prompt", "dense", "pruned"], rows, class: "texts"),
            lead: "Where the two models differ most.")
    }

    private var calculator: String {
        let speed = runs.flatMap(\.speeds).max { $0.batch < $1.batch }
        let ratio = speed?.decode ?? 1
        let dense = speed?.denseTokensPerSecond ?? 1000
        func field(_ id: String, _ label: String, _ value: Double, _ digits: Int) -> String {
            let text = Figure.fixed(value, digits).replacing("–", with: "1")
            return
                "<label for=\"\(id)\">\(label)</label><input id=\"\(id)\" type=\"number\" min=\"0\" step=\"any\" value=\"\(text)\">"
        }
        let note =
            speed == nil
            ? "Speed was not measured: both speeds are to be filled in."
            : "The speeds are those measured, new tokens at the largest batch; price and load are assumptions to be changed."
        return HTML.section(
            "What it saves",
            """
            <form class="calculator">\(field("price", "price of a machine per hour", pricePerHour, 2))
            \(field("tokens", "tokens per day", tokensPerDay, 0))\(field("dense", "dense model, tokens per second", dense, 1))
            \(field("ratio", "pruned model, times as fast", ratio, 3))</form>
            <p class="saving"><output id="before"></output> → <output id="after"></output> a day, <output id="saved"></output> a year</p>
            """, lead: note)
    }

    private var calibration: String {
        let rows = runs.compactMap { run -> [String]? in
            guard let calibration = run.calibration else { return nil }
            func number(_ key: String) -> String { calibration[key]?.integerValue.map(Figure.count) ?? "–" }
            return [
                HTML.name(run.name), run.sources.map(HTML.name).joined(separator: ", "), number("samples"),
                number("sequence_length"), number("seed"),
                "<code>\(HTML.name(String((calibration["tokens_sha256"]?.stringValue ?? "").prefix(16))))</code>",
            ]
        }
        guard !rows.isEmpty else { return "" }
        return HTML.section(
            "Calibration",
            HTML.table(["run", "sources", "samples", "tokens each", "seed", "digest of the tokens"], rows),
            lead: "The text itself is not in the output.")
    }

    private var rollOut: String {
        HTML.section(
            "Rolling out, and back",
            """
            <ol><li><b>In the shadow.</b> Send the pruned model a copy of real prompts; nobody sees its answers. Compare with evaluate --against and watch.</li>
            <li><b>Canary.</b> One in a hundred requests, then one in ten. Stop when gate fails or watch raises an alarm.</li>
            <li><b>Full.</b> All requests; keep the dense model deployed and warm for a week.</li>
            <li><b>Back.</b> Point the route at the dense model again: nothing was changed in it. Keep its folder, its digest and the recipe below.</li></ol>
            """)
    }

    private var recipes: String {
        let parts = runs.map { run -> String in
            let rows = (run.environment?.keys ?? []).compactMap { key -> [String]? in
                guard let value = run.environment?[key] else { return nil }
                return [HTML.name(key), HTML.name(value.stringValue ?? value.text(pretty: false))]
            }
            let recipe = run.recipe.map { "<pre>\(HTML.text($0, limit: 20_000))</pre>" } ?? ""
            return "<details><summary>\(HTML.name(run.name))</summary>"
                + (rows.isEmpty ? "" : HTML.table(["evaluated with", ""], rows)) + recipe + "</details>"
        }
        return HTML.section("Environment and recipe", parts.joined(), lead: "The recipe makes the same weights again.")
    }
}
