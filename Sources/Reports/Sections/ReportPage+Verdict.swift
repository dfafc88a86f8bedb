import Gate

extension ReportPage {
    /// The page's first sentences.
    var summary: String {
        guard runs.count == 1 else {
            // The verbs are the same for one and for many.
            let parts: [(Verdict.Decision, String)] = [
                (.go, "may replace the dense model, rolled out in stages"),
                (.canary, "may be tried on a share of the traffic"),
                (.poc, "may be tried where no user sees the answers"),
                (.noGo, "should not be served"), (.unknown, "cannot be judged yet"),
            ]
            return parts.compactMap { decision, words -> String? in
                let names = runs.filter { verdict($0).decision == decision }.map { "<b>\(HTML.name($0.name))</b>" }
                return names.isEmpty ? nil : "\(Words.list(names)) \(words)."
            }.joined(separator: " ")
        }
        let run = runs[0]
        var sentences = ["<b>\(verdict(run).decision.words).</b>", size(run)]
        sentences += [ReportPage.sentence(run.speed), ReportPage.widths(run)].compactMap { $0 }
        if let least = run.leastAgreement {
            let on = run.comparedTexts.count > 1 ? " (on \(HTML.name(least.text)))" : ""
            sentences.append(
                "It predicts the same next token as the dense model \(Figure.percent(least.value, 0)) of the time\(on)."
            )
        }
        return sentences.joined(separator: " ")
    }

    /// The count of parameters only where units were removed: zeros are stored, and counted by nobody who serves them.
    private func size(_ run: PublishedRun) -> String {
        if run.removesUnits {
            return "It has \(Figure.percent(run.parametersLeft, 0)) of the dense model's parameters."
        }
        guard let ratio = run.sizeRatio, ratio.isFinite else {
            return run.bytes.map { "Its weight files have \(Figure.bytes($0)); zeros are stored like other weights." }
                ?? "Zeros are stored like other weights, so its files are no smaller for them."
        }
        return "Its weight files are \(ReportPage.size(ratio))."
    }

    /// "as large as the dense model's", "2.74 times as large as the dense model's"
    private static func size(_ ratio: Double) -> String {
        Figure.fixed(ratio, 2) == "1.00"
            ? "as large as the dense model's" : "\(Figure.fixed(ratio, 2)) times as large as the dense model's"
    }

    var verdicts: (body: String, lead: String)? {
        let own = runs.contains { $0.gate == nil }
        let limit =
            "This page's own limits, where no gate has decided: for a go, perplexity at most "
            + "\(Figure.fixed(limits.goRatio, 2)) times the "
            + "dense model's and the same next token at least \(Figure.percent(limits.goAgreement, 0)) of the time; "
            + "for a trial, "
            + "perplexity at most \(Figure.fixed(limits.canaryRatio, 2)) times. A run is judged by the worst of its "
            + "texts."
        return ("<div class=\"cards\">\(runs.map(card).joined())</div>", own ? limit : "")
    }

    private func card(_ run: PublishedRun) -> String {
        let verdict = verdict(run)
        let origin =
            switch verdict.origin {
            case .gate(let stage):
                "By <code>espalier gate</code>, stage <b>\(HTML.name(stage))</b> (\(PublishedRun.gateFile))."
            case .limits: "By this page's own limits; no gate has decided."
            }
        func tile(_ value: String, _ meaning: String) -> String { "<div><dd>\(value)</dd><dt>\(meaning)</dt></div>" }
        let least = run.leastAgreement
        let on = run.comparedTexts.count > 1 ? least.map { ", on \(HTML.name($0.text))" } ?? "" : ""
        let tiles = [
            sizeTile(run, tile), tile(Figure.times(run.speed?.decode.value), ReportPage.caption(run.speed)),
            tile(Figure.percent(least?.value, 0), "same next token as the dense model\(on)"),
        ]
        return """
            <article class="verdict \(verdict.decision.rawValue)"><h3>\(verdict.decision.words)</h3>
            <p class="name">\(HTML.name(run.name))</p><p>\(HTML.text(verdict.reason))</p>
            \(run.gate.map(reasons) ?? "")<dl class="tiles">\(tiles.joined())</dl>
            <p class="small">\(origin)<br>\(HTML.name(run.title)), \(HTML.name(run.pattern)): \(ReportPage.removed(run)).</p></article>
            """
    }

    private func sizeTile(_ run: PublishedRun, _ tile: (String, String) -> String) -> String {
        if run.removesUnits { return tile(Figure.percent(run.parametersLeft, 0), "of the parameters left") }
        if let ratio = run.sizeRatio, ratio.isFinite { return tile(Figure.times(ratio), "size of the weight files") }
        return tile(Figure.bytes(run.bytes), "weight files; the dense model's size was not measured")
    }

    /// "60.0 % of the pruned matrices' weights are zero"
    static func removed(_ run: PublishedRun) -> String {
        let share = Figure.percent(run.achieved)
        guard run.removesUnits else { return "\(share) of the weights in the pruned matrices are zero" }
        switch run.budget {
        case "parameters": return "\(share) of the blocks' parameters were removed"
        case "bytes": return "\(share) of the blocks' bytes were removed"
        case "kv-cache": return "\(share) of the key-value cache was removed"
        case "latency": return "\(share) of the blocks' measured time was removed"
        default: return "\(share) of the budget was removed"
        }
    }

    /// What did not hold, and the gate's notes.
    private func reasons(_ gate: GateVerdict) -> String {
        let most = 12
        let open = gate.checks.filter { $0.outcome != .passed && $0.outcome != .skipped }
        var lines = open.prefix(most).map { check in
            let subject = check.subject.isEmpty ? "" : " (\(HTML.name(check.subject)))"
            let reason = HTML.text(check.reason, limit: 300)
            return "<b>\(HTML.name(check.rule))</b>\(subject), \(HTML.name(check.limit)): \(reason)"
        }
        if open.count > most { lines.append("… and \(open.count - most) more") }
        lines += gate.notes.prefix(4).map { "Note: \(HTML.text($0, limit: 300))" }
        return lines.isEmpty ? "" : "<ul class=\"reasons\">" + lines.map { "<li>\($0)</li>" }.joined() + "</ul>"
    }
}
