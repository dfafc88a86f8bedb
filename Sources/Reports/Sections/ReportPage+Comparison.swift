extension ReportPage {
    var sizeChart: Chart? {
        Charts.pareto(points { $0.parametersLeft * 100 }, .size)
    }

    var speedChart: Chart? {
        Charts.pareto(points { $0.speed?.decode }, .speed)
    }

    private func points(_ cost: (PublishedRun) -> Double?) -> [(index: Int, name: String, x: Double, y: Double)] {
        runs.enumerated().compactMap { index, run in
            guard let x = cost(run), let y = text(run)?.ratio else { return nil }
            return (index, run.name, x, y)
        }
    }

    var comparison: (body: String, lead: String)? {
        let missing = runs.filter { text($0)?.ratio?.isFinite != true }.map { HTML.name($0.name) }
        let note =
            missing.isEmpty
            ? ""
            : "<p class=\"small\">Not in the picture, having no perplexity to compare: \(missing.joined(separator: ", ")).</p>"
        let pictures = [sizeChart, speedChart].compactMap { $0?.svg }.joined()
        let names = Set(runs.compactMap { text($0)?.name })
        let on = names.sorted().prefix(4).map { HTML.name($0) }.joined(separator: ", ")
        return (
            pictures + note + overview + otherTexts + speeds,
            (names.isEmpty
                ? "No text was evaluated. "
                : "Perplexity and KL on \(on)\(names.count > 1 ? " (not the same for all)" : ""). ")
                + (pictures.isEmpty ? "" : "The dashed line joins the models that no other beats in both. ")
                + "Zeros in a matrix save room and time only where software skips them; removed heads and neurons always do."
        )
    }

    private var overview: String {
        HTML.table(
            [
                "run", "removed", "parameters left", "files, times dense", "speed", "perplexity", "dense",
                "times dense",
                "same next token", "KL",
            ],
            runs.map { run in
                let text = text(run)
                return [
                    HTML.name(run.name), Figure.percent(run.achieved), Figure.count(run.parametersAfter),
                    Figure.fixed(run.sizeRatio, 2), Figure.times(run.speed?.decode), Figure.fixed(text?.perplexity, 2),
                    Figure.fixed(text?.densePerplexity, 2), Figure.fixed(text?.ratio, 3),
                    Figure.percent(text?.topAgreement), Figure.fixed(text?.kl, 4),
                ]
            })
    }

    /// All texts of runs that were evaluated on several.
    private var otherTexts: String {
        let rows = runs.filter { $0.texts.count > 1 }.flatMap { run in
            run.texts.prefix(40).map { text in
                [
                    HTML.name(run.name), HTML.name(text.name), Figure.fixed(text.perplexity, 2),
                    Figure.fixed(text.ratio, 3), Figure.percent(text.topAgreement), Figure.fixed(text.kl, 4),
                ]
            }
        }
        guard !rows.isEmpty else { return "" }
        return "<details><summary>All texts</summary>"
            + HTML.table(["run", "text", "perplexity", "times dense", "same next token", "KL"], rows) + "</details>"
    }

    private var speeds: String {
        let rows = runs.flatMap { run in
            run.speeds.map { speed in
                [
                    HTML.name(run.name), Figure.count(speed.prompt), Figure.count(speed.batch),
                    Figure.times(speed.firstToken), Figure.times(speed.decode),
                    Figure.fixed(speed.denseTokensPerSecond, 1),
                ]
            }
        }
        guard !rows.isEmpty else {
            return
                "<p class=\"small\">Speed was not measured: put the output of benchmark --against DENSE --output into the folder as "
                + "benchmark.json.</p>"
        }
        let head = ["run", "prompt, tokens", "at a time", "first token", "new tokens", "dense model, tokens/s"]
        return "<details><summary>Speed, times the dense model's</summary>" + HTML.table(head, rows) + "</details>"
    }
}
