extension ReportPage {
    /// What a stage asks for, and what follows it.
    private static let stages = [
        (
            "In the shadow (poc).",
            "The pruned model gets a copy of real prompts for at least a day; nobody sees its answers.",
            "espalier gate results.json --rules gate.yaml --stage poc"
        ),
        (
            "A share of the traffic (canary).",
            "One request in a hundred, after a quiet day one in ten. Stop when the gate fails, watch raises an "
                + "alarm, or users complain more often.",
            "espalier gate results.json --rules gate.yaml --stage canary"
        ),
        (
            "Everyone (full).",
            "All requests. The dense model stays deployed and warm for a week, its folder for as long as this one is "
                + "in use.",
            "espalier gate results.json --rules gate.yaml --stage full"
        ),
    ]

    var rollOut: (body: String, lead: String)? {
        var groups: [(decision: Verdict.Decision, names: [String])] = []
        for run in runs {
            let decision = verdict(run).decision
            if let place = groups.firstIndex(where: { $0.decision == decision }) {
                groups[place].names.append(HTML.name(run.name))
            } else {
                groups.append((decision, [HTML.name(run.name)]))
            }
        }
        let decisions = groups.map { group in
            """
            <article class="verdict \(group.decision.rawValue)"><h3>\(group.decision.words)</h3>
            <p class="name">\(Words.list(group.names))</p><p>\(next(group.decision))</p></article>
            """
        }
        let steps = ReportPage.stages.map { "<li><b>\($0.0)</b> \($0.1)<br><code>\($0.2)</code></li>" }
        let cards = "<div class=\"cards\">\(decisions.joined())</div>"
        // Nothing is rolled out of what must not be, or of what nobody has judged.
        guard groups.contains(where: { [.go, .canary, .poc].contains($0.decision) }) else {
            return (cards, "What to do next. Nothing here is ready to be rolled out.")
        }
        return (
            """
            \(cards)
            <h3>Stages</h3><ol>\(steps.joined())</ol>
            <h3>Back</h3>
            <ol><li>Point the route at the dense model again: pruning wrote a folder of its own and changed nothing in the dense one.</li>
            <li>Check that the dense folder is still what it was, by its digests, and that its answers are served.</li>
            <li>Keep the pruned folder, this page, and what <code>espalier watch</code> wrote: they say what to \
            change. The recipe makes the weights again.</li></ol>
            """,
            "Take the next stage when the gate passes it. Go back at once when the gate fails or espalier watch "
                + "raises an alarm."
        )
    }

    private func next(_ decision: Verdict.Decision) -> String {
        switch decision {
        case .go: "Take all three stages, beginning with the shadow."
        case .canary: "Shadow, then a share of the traffic; everyone only after the gate passes its stage full."
        case .poc: "The shadow only; a share of the traffic after the gate passes its stage canary."
        case .noGo:
            "Keep the dense model. Prune less, calibrate with text that resembles production traffic, or search for "
                + "the layers' shares."
        case .unknown: "Measure first: espalier evaluate --against DENSE, then espalier gate."
        }
    }
}
