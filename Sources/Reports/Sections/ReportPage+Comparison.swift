extension ReportPage {
    var weightsChart: Chart? {
        Charts.pareto(points { ($0.parametersLeft * 100, nil) }, .weights)
    }

    /// Left out where all files are as large as the dense model's: every point would stand on one line.
    var sizeChart: Chart? {
        let points = points { run in run.sizeRatio.map { ($0 * 100, nil) } }
        return points.contains { abs($0.x - 100) > 1 } ? Charts.pareto(points, .size) : nil
    }

    var speedChart: Chart? {
        Charts.pareto(
            points { run in run.speed.map { ($0.decode.value, $0.decode.range) } },
            hasServedSpeed ? .servedSpeed : .speed)
    }

    private func points(_ cost: (PublishedRun) -> (Double, ClosedRange<Double>?)?) -> [Charts.Point] {
        runs.enumerated().compactMap { index, run in
            guard let (x, range) = cost(run), let y = text(run)?.ratio else { return nil }
            return Charts.Point(index: index, name: run.name, x: x, range: range, y: y)
        }
    }

    var comparison: (body: String, lead: String)? {
        let charts = [weightsChart, sizeChart, speedChart].compactMap { $0 }
        let pictures = charts.map { "<h3>\($0.title)</h3>\($0.svg)" }.joined()
        let names = Set(runs.compactMap { text($0)?.name })
        let on = Words.list(names.sorted().map { HTML.name($0) })
        let hasFront = charts.contains { $0.svg.contains("class=\"front\"") }
        let hasRange = charts.contains { $0.svg.contains("class=\"range\"") }
        let lead = [
            names.isEmpty
                ? "No text was evaluated."
                : "Perplexity and KL on \(on)\(names.count > 1 ? " (not the same text for all runs)" : "").",
            hasFront ? "A dashed line joins the models that no other beats in both." : "",
            hasRange
                ? "A horizontal line shows the range of the benchmark's repeats: if it includes 1, no difference in "
                    + "speed is shown." : "",
            "Speed is measured \(engine).",
            "Zeros make files smaller and servers faster only where software skips them; removed heads and neurons "
                + "make the files "
                + "smaller.",
        ]
        return (
            pictures + notes + overview + otherTexts + speeds, lead.filter { !$0.isEmpty }.joined(separator: " ")
        )
    }

    /// What keeps figures from being compared.
    private var notes: String {
        var notes: [String] = []
        let missing = runs.filter { text($0)?.ratio?.isFinite != true }.map { HTML.name($0.name) }
        if !missing.isEmpty {
            notes.append("No perplexity to compare, so not in any picture: \(Words.list(missing)).")
        }
        let unmeasured = runs.filter { $0.speed == nil && text($0)?.ratio?.isFinite == true }.map { HTML.name($0.name) }
        if !unmeasured.isEmpty, speedChart != nil {
            notes.append("No measured speed, so not in the picture of speed: \(Words.list(unmeasured)).")
        }
        let compared = runs.compactMap { text($0)?.densePerplexity }.filter { $0.isFinite && $0 > 0 }
        if let least = compared.min(), let most = compared.max(), most > least * 1.01 {
            notes.append(
                "The dense model's perplexity is not the same for all runs (\(Figure.fixed(least, 2)) to "
                    + "\(Figure.fixed(most, 2))): the "
                    + "model, the text or its windows differ, so that the runs cannot be compared with each other.")
        }
        if runs.count > Charts.mostLabels {
            notes.append("The pictures name the first \(Charts.mostLabels) runs only.")
        }
        return notes.map { "<p class=\"small\">\($0)</p>" }.joined()
    }

    private var overview: String {
        let hasUnits = runs.contains(where: \.removesUnits)
        let head =
            ["run", "pruned"] + (hasUnits ? ["parameters left"] : []) + [
                "weight files", "times the dense files",
                hasServedSpeed ? "new tokens, as measured" : "new tokens, Espalier's engine", "perplexity", "dense",
                "times dense", "same next token", "KL",
            ]
        return HTML.table(
            head,
            runs.map { run in
                let text = text(run)
                let parameters = run.removesUnits ? Figure.count(run.parametersAfter) : "–"
                return [
                    HTML.name(run.name),
                    "\(Figure.percent(run.achieved)) \(run.removesUnits ? "removed" : "zeros")",
                ] + (hasUnits ? [parameters] : []) + [
                    Figure.bytes(run.bytes), Figure.times(run.sizeRatio), ReportPage.ratio(run.speed?.decode),
                    Figure.fixed(text?.perplexity, 2), Figure.fixed(text?.densePerplexity, 2),
                    Figure.fixed(text?.ratio, 3), Figure.percent(text?.topAgreement), Figure.fixed(text?.kl, 4),
                ]
            })
    }

    /// All texts of runs that were evaluated on several.
    private var otherTexts: String {
        let rows = runs.filter { $0.texts.count > 1 }.flatMap { run in
            run.texts.prefix(40).map { text in
                [
                    HTML.name(run.name), HTML.name(text.name), text.tokens.map(Figure.count) ?? "–",
                    Figure.fixed(text.perplexity, 2), Figure.fixed(text.ratio, 3), Figure.percent(text.topAgreement),
                    Figure.fixed(text.kl, 4),
                ]
            }
        }
        guard !rows.isEmpty else { return "" }
        return "<details><summary>All texts</summary>"
            + HTML.table(
                ["run", "text", "tokens scored", "perplexity", "times dense", "same next token", "KL"], rows)
            + "</details>"
    }

    private var speeds: String {
        let rows = runs.flatMap { run in
            run.speeds.map { speed in
                [
                    HTML.name(run.name), Figure.count(speed.prompt), Figure.count(speed.batch),
                    ReportPage.ratio(speed.firstToken), ReportPage.ratio(speed.decode),
                    Figure.fixed(speed.denseTokensPerSecond, 1),
                ]
            }
        }
        guard !rows.isEmpty else {
            return
                "<p class=\"small\">Speed was not measured: put the output of benchmark --against DENSE --output "
                + "into the folder as "
                + "benchmark.json.</p>"
        }
        let head = [
            "run", "prompt, tokens", "sequences at a time", "first token", "new tokens", "dense model, tokens/s",
        ]
        return
            "<details><summary>Speed\(hasServedSpeed ? "" : " in Espalier's engine"), times the dense model's</summary>"
            + "<p class=\"small\">Measured \(engine). In brackets: from the worst repeat over the dense "
            + "model's best to "
            + "the best over its worst.</p>" + HTML.table(head, rows) + "</details>"
    }
}
