extension ReportPage {
    /// What the training after pruning gave, and what it took.
    var recovery: (body: String, lead: String)? {
        let parts = runs.compactMap { run -> String? in
            guard let recovery = run.recovery else { return nil }
            return "<h3>\(HTML.name(run.name))</h3><p>\(ReportPage.sentence(recovery))</p>"
                + (Charts.recovery(run)?.svg ?? "")
        }
        guard !parts.isEmpty else { return nil }
        return (
            parts.joined(),
            "The pruned model was trained on text. The strong line is the loss on sequences that were held out, the faint "
                + "one that of the steps; the marked state is what was written. To see quality before and after, give "
                + "both folders to `espalier report`."
        )
    }

    private static func sentence(_ recovery: PublishedRecovery) -> String {
        let what =
            switch recovery.trained {
            case "norms": "Norms and biases"
            case "lora": "Adapters of low rank"
            default: "All weights of the blocks"
            }
        let aim =
            switch recovery.loss {
            case "lm": "to predict the text"
            case "kl": "to predict as the dense model does"
            default: "to predict as the dense model does, and the text"
            }
        let turns = recovery.turns == "assistant" ? " on the assistant's turns of conversations" : ""
        var text =
            "\(what) were trained \(aim)\(turns): \(Figure.count(recovery.steps)) steps, \(Figure.count(recovery.tokens)) tokens."
        if let before = recovery.before, let after = recovery.after {
            text +=
                " The loss on held-out sequences went from \(Figure.fixed(before, 3)) to "
                + "\(Figure.fixed(after, 3)) nats a token."
        }
        return text + (recovery.bestStep == 0 ? " Training did not help: this is the model as it was pruned." : "")
    }
}
