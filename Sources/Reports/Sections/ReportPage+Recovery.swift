import Files
import Gate

extension ReportPage {
    /// What the training after pruning gave, and what it took.
    var recovery: (body: String, lead: String)? {
        let parts = runs.compactMap { run -> String? in
            guard let recovery = run.recovery else { return nil }
            return "<h3>\(HTML.name(run.name))</h3><p>\(ReportPage.sentence(recovery.losses))</p>" + gains(run)
                + ReportPage.cost(recovery) + (Charts.recovery(run)?.svg ?? "")
        }
        guard !parts.isEmpty else { return nil }
        return (
            parts.joined(),
            "The pruned model was trained on text. In the picture the strong line is the loss on sequences that were "
                + "held out, the faint one that of the steps; the marked state is what was written."
        )
    }

    private static func sentence(_ losses: RecoveryLosses) -> String {
        let what =
            switch losses.trained {
            case "norms": "Norms and biases"
            case "lora": "Adapters of low rank"
            default: "All weights of the blocks"
            }
        let aim =
            switch losses.loss {
            case "lm": "to predict the text"
            case "kl": "to predict as the dense model does"
            default: "to predict as the dense model does, and the text"
            }
        let turns = losses.turns == "assistant" ? " on the assistant's turns of conversations" : ""
        var text =
            "\(what) were trained \(aim)\(turns): \(Words.counted(losses.steps, "step")), "
            + "\(Words.counted(losses.tokens, "token"))."
        if !losses.earlier.isEmpty {
            let (steps, tokens) = losses.earlier.reduce((0, 0)) { ($0.0 + $1.steps, $0.1 + $1.tokens) }
            text +=
                " This is the last of \(losses.earlier.count + 1) prunings with training after each; those before took "
                + "\(Words.counted(steps, "step")), \(Words.counted(tokens, "token"))."
        }
        if let before = losses.before, let after = losses.after {
            text +=
                " The loss on held-out sequences went from \(Figure.fixed(before, 3)) to "
                + "\(Figure.fixed(after, 3)) nats a token."
        }
        return text + (losses.bestStep == 0 ? " Training did not help: this is what the run began with." : "")
    }

    // MARK: What it gave

    /// The run that a recovery began with, where it is on the page: the one that its recipe names, else the only one
    /// with the same record of the pruning.
    func origin(of run: PublishedRun) -> PublishedRun? {
        guard let recovery = run.recovery else { return nil }
        if let place = recovery.model.flatMap(FileSystem.resolved),
            let named = runs.first(where: { FileSystem.resolved($0.folder) == place })
        {
            return named
        }
        let same = runs.filter { $0.recovery == nil && $0.reportDigest == run.reportDigest }
        return same.count == 1 ? same[0] : nil
    }

    private func gains(_ run: PublishedRun) -> String {
        guard let pruned = origin(of: run) else {
            let name = run.recovery?.model.map { " (" + HTML.name(FileSystem.last($0)) + ")" } ?? ""
            return "<p class=\"small\">To see quality before and after, give the pruned folder\(name) to "
                + "<code>espalier report</code>, too.</p>"
        }
        let gain = RecoveryGain(pruned: pruned, recovered: run)
        var body = ""
        if !gain.texts.isEmpty {
            body +=
                "<h4>Texts: dense → after pruning → after recovery</h4>" + ReportPage.table(gain.texts)
                + "<p class=\"small\">“Gap closed” is the share of the difference in log-perplexity between the dense "
                + "and the pruned model that recovery won back: 100 % is the dense model, 0 % the pruned one.</p>"
        }
        if !gain.tasks.isEmpty {
            body +=
                "<h4>Tasks: dense → after pruning → after recovery</h4>"
                + ReportPage.table(
                    gain.tasks + [gain.mean(without: run.tasksInGroups.union(pruned.tasksInGroups))].compactMap { $0 })
                + "<p class=\"small\">Share of right answers, ± one standard error. That of the change is of independent "
                + "answers; both models answered the same items, so the true one is usually smaller.</p>"
        }
        if !gain.others.isEmpty {
            body +=
                "<p class=\"small\">Not evaluated in the same way before and after, so not compared: "
                + "\(Words.list(gain.others.map { HTML.name($0) })).</p>"
        }
        if gain.texts.isEmpty, gain.tasks.isEmpty {
            body +=
                "<p class=\"small\">Quality before and after is not known: evaluate both folders with "
                + "<code>espalier evaluate FOLDER --against DENSE --output FOLDER/results.json</code>.</p>"
        }
        return body
    }

    private static func table(_ texts: [RecoveryGain.Text]) -> String {
        let head = [
            "text", "tokens scored", "perplexity, dense", "after pruning", "after recovery", "gap closed",
            "KL after pruning", "KL after recovery", "same token after pruning", "same token after recovery",
        ]
        return HTML.table(
            head,
            texts.map { text in
                [
                    HTML.name(text.recovered.name), text.recovered.tokens.map(Figure.count) ?? "–",
                    Figure.fixed(text.dense, 2), Figure.fixed(text.pruned.perplexity, 2),
                    Figure.fixed(text.recovered.perplexity, 2), Figure.percent(text.gapClosed),
                    Figure.fixed(text.pruned.kl, 4), Figure.fixed(text.recovered.kl, 4),
                    Figure.percent(text.pruned.topAgreement), Figure.percent(text.recovered.topAgreement),
                ]
            })
    }

    private static func table(_ tasks: [RecoveryGain.Task]) -> String {
        func shown(_ value: RecoveryGain.Task.Value?, isChange: Bool = false) -> String {
            guard let value else { return "–" }
            let sign = isChange && value.value > 0 ? "+" : ""
            return sign + Figure.percent(value.value)
                + (value.standardError.map { " ± " + Figure.percent($0) } ?? "")
        }
        return HTML.table(
            ["task", "measure", "dense", "after pruning", "after recovery", "change"],
            tasks.map { task in
                [
                    HTML.name(task.name), task.metric, shown(task.dense), shown(task.pruned), shown(task.recovered),
                    shown(task.change, isChange: true),
                ]
            })
    }

    // MARK: What it took

    private static func cost(_ recovery: PublishedRecovery) -> String {
        let losses = recovery.losses
        guard let cost = recovery.cost else {
            return "<p class=\"small\">Time and memory were not kept: <code>espalier recover … --results "
                + "FOLDER/\(RecoveryCost.fileName)</code> writes them.</p>"
        }
        let hasGPU = cost.peakDeviceMemoryBytes != nil
        return "<h4>What it cost</h4>"
            + HTML.table(
                ["steps", "tokens", "training", "whole run", "peak memory"] + (hasGPU ? ["peak memory of the GPU"] : [])
                    + ["measured on"],
                [
                    [
                        Figure.count(losses.steps), Figure.count(losses.tokens), Figure.duration(cost.trainingSeconds),
                        Figure.duration(cost.seconds), Figure.bytes(cost.peakMemoryBytes),
                    ] + (hasGPU ? [Figure.bytes(cost.peakDeviceMemoryBytes)] : [])
                        + [PublishedRun.machine(cost.environment) ?? "–"]
                ])
    }
}
