import Gate

extension ReportPage {
    /// The page's first sentence.
    var summary: String {
        guard runs.count == 1 else {
            let parts: [(Verdict.Decision, String)] = [
                (.go, "may replace the dense model"), (.canary, "may be tried on a share of the traffic"),
                (.poc, "may be tried where no user sees it"), (.noGo, "may not"), (.unknown, "cannot be judged yet"),
            ]
            let sentences = parts.compactMap { decision, words -> String? in
                let names = runs.filter { verdict($0).decision == decision }.map { HTML.name($0.name) }
                let list = names.joined(separator: ", ")
                return names.isEmpty ? nil : "\(names.count) of \(runs.count) \(words): <b>\(list)</b>."
            }
            return sentences.joined(separator: " ")
        }
        let run = runs[0]
        var parts = ["keeps \(Figure.percent(run.parametersLeft, 0)) of the dense model's parameters"]
        if let speed = run.speed, speed.decode.isFinite {
            parts.append("writes \(Figure.fixed(speed.decode, 2)) times as fast")
        }
        if let same = text(run)?.topAgreement, same.isFinite {
            parts.append("takes the same next token for the likeliest \(Figure.fixed(same * 100, 0)) times in 100")
        }
        let last = parts.removeLast()
        return "<b>\(verdict(run).decision.words).</b> It "
            + (parts.isEmpty ? last : parts.joined(separator: ", ") + " and " + last) + "."
    }

    var verdicts: (body: String, lead: String)? {
        let own = runs.contains { $0.gate == nil }
        let limit =
            "This page's own limits, where no gate has decided: perplexity at most \(Figure.fixed(limits.goRatio, 2)) times the dense "
            + "model's and the same next token at least \(Figure.percent(limits.goAgreement, 0)) of the time for a go; perplexity at most "
            + "\(Figure.fixed(limits.canaryRatio, 2)) times for a trial."
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
        let tiles = [
            tile(Figure.percent(run.parametersLeft, 0), "of the parameters left"),
            tile(Figure.times(run.speed?.decode), "as fast, new tokens"),
            tile(Figure.percent(text(run)?.topAgreement, 0), "same next token"),
        ]
        return """
            <article class="verdict \(verdict.decision.rawValue)"><h3>\(verdict.decision.words)</h3>
            <p class="name">\(HTML.name(run.name))</p><p>\(HTML.text(verdict.reason))</p>
            \(run.gate.map(reasons) ?? "")<dl class="tiles">\(tiles.joined())</dl>
            <p class="small">\(origin)<br>\(HTML.name(run.method)), \(HTML.name(run.pattern)), \(Figure.percent(run.achieved)) removed.</p></article>
            """
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
