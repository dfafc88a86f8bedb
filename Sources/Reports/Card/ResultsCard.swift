import Faults
import Gate
import JSONText

/// A run's model card with what was measured: in the head as the hub's `model-index`, in the text as a table beside the
/// dense model's figures.
public struct ResultsCard {
    let run: PublishedRun

    public init(_ run: PublishedRun) { self.run = run }

    /// - Parameters:
    ///   - readme: the folder's README.md.
    ///   - file: its path, for messages.
    /// - Throws: `badData` for a card without a head, or with results already; `missingInput` where nothing was
    ///   measured.
    public func text(readme: String, file: String) throws(Fault) -> String {
        let mark = "\n---\n"
        guard readme.hasPrefix("---\n"), let end = readme.firstRange(of: mark) else {
            throw Fault(
                .badData, "the model card has no head", file: file, expected: "YAML between two lines ---",
                advice: "take the README.md that `espalier prune` wrote")
        }
        let head = readme[..<end.lowerBound]
        guard !head.contains("\nmodel-index:") else {
            throw Fault(
                .badData, "the model card holds results already", file: file,
                advice: "take the README.md that `espalier prune` wrote")
        }
        let figures = figures
        guard !figures.isEmpty else {
            throw Fault(
                .missingInput, "there are no measurements for a model card", file: run.folder,
                expected: "results.json with a perplexity or a task that is a number",
                advice: "write it with `espalier evaluate --against DENSE --output`")
        }
        var body = String(readme[end.upperBound...])
        // Before the part on the recipe, which is long.
        let place = body.firstRange(of: "\n## Recipe\n")?.lowerBound ?? body.endIndex
        body.insert(contentsOf: "\n" + table(figures), at: place)
        return head + "\n" + index(figures) + mark + body
    }

    private struct Measurement {
        var dataset: String
        var metric: String
        var value: Double
        var dense: Double?
        var error: Double?
    }

    private var figures: [Measurement] {
        let texts = run.texts.compactMap { text in
            text.perplexity.map {
                Measurement(dataset: text.name, metric: "perplexity", value: $0, dense: text.densePerplexity)
            }
        }
        let tasks = run.tasks.map { task in
            Measurement(
                dataset: task.name, metric: task.metric, value: task.value,
                dense: run.denseTasks.first { $0.name == task.name && $0.metric == task.metric }?.value,
                error: task.standardError)
        }
        return (texts + tasks).filter(\.value.isFinite)
    }

    /// JSON's texts are YAML's, too, without the characters that YAML does not know.
    private func quoted(_ text: String) -> String {
        JSONValue.string(LegibleText.of(text, limit: HTML.longestName)).text(pretty: false)
    }

    private func index(_ figures: [Measurement]) -> String {
        var lines = ["model-index:", "- name: \(quoted(run.name))", "  results:"]
        for figure in figures {
            lines += [
                "  - task:", "      type: text-generation", "    dataset:", "      name: \(quoted(figure.dataset))",
                "      type: \(quoted(figure.dataset))", "    metrics:", "    - type: \(quoted(figure.metric))",
                "      value: \(figure.value)",
            ]
        }
        return lines.joined(separator: "\n")
    }

    /// "1.50 (1.31 to 1.72)", with what the repeats leave open.
    private static func ratio(_ ratio: SpeedRatio) -> String {
        let range = ratio.range.map { " (\(Figure.fixed($0.lowerBound, 2)) to \(Figure.fixed($0.upperBound, 2)))" }
        return Figure.fixed(ratio.value, 2) + (range ?? "")
    }

    private func table(_ figures: [Measurement]) -> String {
        var lines = ["## Results", "", "| | measure | dense | pruned |", "| --- | --- | --- | --- |"]
        for figure in figures {
            let name = MarkdownSummary.escaped(LegibleText.of(figure.dataset, limit: HTML.longestName))
            let error = figure.error.flatMap { $0.isFinite ? " ± \(Figure.fixed($0, 3))" : nil } ?? ""
            let digits = figure.metric == "perplexity" ? 2 : 3
            lines.append(
                "| \(name) | \(MarkdownSummary.escaped(figure.metric)) | \(Figure.fixed(figure.dense, digits)) | "
                    + "\(Figure.fixed(figure.value, digits))\(error) |")
        }
        if let speed = run.speed {
            lines.append(
                "| new tokens, \(speed.batch) at a time, \(ResultsCard.place(speed)) | speed | 1 | "
                    + "\(ResultsCard.ratio(speed.decode)) |"
            )
        }
        if let size = run.sizeRatio { lines.append("| weight files | size | 1 | \(Figure.fixed(size, 2)) |") }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func place(_ speed: PublishedRun.Speed) -> String {
        speed.server.map { "on a server (\(MarkdownSummary.escaped($0)))" } ?? "in Espalier's own engine"
    }
}
