import Faults

/// A recovered model beside the same model before its recovery.
extension QualityGate {
    private static let noResults = "there are no results from before recovery: give --pruned PRUNED.json"

    // MARK: Texts

    /// Perplexity on every text and log of prompts.
    func recoveredTextChecks(_ rule: GateRule, among rules: [GateRule]) -> [GateVerdict.Check] {
        guard let pruned else { return [missing(rule, rule.subject ?? "", QualityGate.noResults)] }
        let names = results.texts + pruned.texts
        let texts = subjects(rule, names, among: rules)
        guard !texts.isEmpty || !names.isEmpty else {
            return [missing(rule, "", "the results have no text: evaluate with --text, --tokens or --prompts")]
        }
        return texts.map { recoveredCheck(rule, $0, pruned) }
    }

    private func recoveredCheck(
        _ rule: GateRule, _ text: String, _ pruned: EvaluationResults
    ) -> GateVerdict.Check {
        let (own, before) = (results.perplexity(text), pruned.perplexity(text))
        if own == .missing { return missing(rule, text, "the results have no perplexity of this text") }
        if before == .missing {
            return missing(rule, text, "the results from before recovery have no perplexity of this text")
        }
        guard results.isLog(text) == pruned.isLog(text) else {
            return check(rule, text, .notComparable, "this is a text in one file and a log of prompts in the other")
        }
        for (mine, other) in zip(results.traits(of: text), pruned.traits(of: text)) {
            if let reason = mine.difference(from: other, in: EvaluationResults.beforeRecovery) {
                return check(rule, text, .notComparable, reason)
            }
        }
        if let one = results.densePerplexity(text).value, let other = pruned.densePerplexity(text).value,
            abs(one - other) > QualityGate.sameModelTolerance * other
        {
            return check(
                rule, text, .notComparable,
                "the dense model's perplexity is \(LegibleText.number(one)) in the results, "
                    + "\(LegibleText.number(other)) before recovery: another model or another text")
        }
        if case .notANumber(let kind) = own {
            return check(rule, text, .failed, "found \(kind): the model's predictions are NaN or infinite")
        }
        guard let after = own.value, after >= 1 - 1e-6 else {
            return check(rule, text, .notComparable, "a perplexity of \(own.text) is impossible")
        }
        guard let start = before.value, QualityGate.densePerplexities.contains(start) else {
            return check(rule, text, .notComparable, "the perplexity before recovery is \(before.text)")
        }
        let figures = "\(LegibleText.number(after)) vs \(LegibleText.number(start)) before recovery"
        guard rule.measure == .gapClosed else { return limited(rule, text, after / start, figures) }
        switch denseReference(rule, text) {
        case .none(let check): return check
        case .found(let dense):
            let all = figures + ", dense \(LegibleText.number(dense))"
            guard let closed = PerplexityGap.closed(dense: dense, before: start, after: after) else {
                return missing(rule, text, "pruning left no gap to close (\(all))")
            }
            return limited(rule, text, closed, all)
        }
    }

    // MARK: Tasks

    /// What the rule without a task's name is for.
    private static let mean = "mean of all tasks"

    /// How far accuracy moved, in standard errors of the difference: the mean over all tasks that the files have, or
    /// that of a task which the rule names.
    func recoveredAccuracyCheck(_ rule: GateRule) -> GateVerdict.Check {
        let subject = rule.subject ?? QualityGate.mean
        guard let pruned else { return missing(rule, subject, QualityGate.noResults) }
        let metric = LegibleText.of(rule.metric, limit: 40)
        var seen: Set<String> = []
        let tasks =
            rule.subject.map { [$0] }
            ?? (results.tasksOutsideGroups + pruned.tasksOutsideGroups).filter {
                (results.hasMetric(rule.metric, of: $0) || pruned.hasMetric(rule.metric, of: $0))
                    && seen.insert($0).inserted
            }
        guard !tasks.isEmpty else {
            return missing(rule, subject, "no task has \(metric): evaluate both models on tasks")
        }
        var (own, before, variance) = (0.0, 0.0, 0.0)
        for task in tasks {
            let name = rule.subject == nil ? "\(LegibleText.of(task, limit: 60)): " : ""
            for (mine, other) in zip(results.identity(ofTask: task), pruned.identity(ofTask: task)) {
                if let reason = mine.difference(from: other, in: EvaluationResults.beforeRecovery) {
                    return check(rule, subject, .notComparable, name + reason)
                }
            }
            let (after, start) = (results.metric(rule.metric, of: task), pruned.metric(rule.metric, of: task))
            if after == .missing || start == .missing {
                return missing(
                    rule, subject, name + "\(metric) is missing: evaluate both models on the same tasks")
            }
            if case .notANumber(let kind) = after {
                return check(
                    rule, subject, .failed,
                    name + "\(metric) is \(kind): the model's predictions are NaN or infinite")
            }
            guard let a = after.value, let b = start.value, (0...1).contains(a), (0...1).contains(b) else {
                return check(
                    rule, subject, .notComparable,
                    name + "\(metric) is \(after.text) in the results, \(start.text) before recovery; expected 0 to 1")
            }
            guard let s = standardError(results, rule.metric, task, a),
                let t = standardError(pruned, rule.metric, task, b)
            else {
                return check(rule, subject, .notComparable, name + "\(metric) has no standard error")
            }
            own += a / Double(tasks.count)
            before += b / Double(tasks.count)
            variance += (s * s + t * t) / Double(tasks.count * tasks.count)
        }
        let error = variance.squareRoot()
        let figures =
            "\(metric) \(LegibleText.number(own)) vs \(LegibleText.number(before)) before recovery"
            + (rule.subject == nil ? ", \(tasks.count) \(tasks.count == 1 ? "task" : "tasks")" : "")
            + ", standard error of the difference \(LegibleText.number(error))"
        return limited(rule, subject, (own - before) / error, figures)
    }

    // MARK: The held-out sequences

    /// The loss of what was written on the sequences that were not trained on, over that before training.
    func heldOutCheck(_ rule: GateRule) -> GateVerdict.Check {
        guard let recovery else {
            return missing(
                rule, "", "there is no record of a recovery: give --recovery RECOVERED/recovery.json")
        }
        guard let before = recovery.before, let after = recovery.after, before.isFinite, before > 0, after.isFinite,
            after >= -1e-6
        else {
            return check(
                rule, "", .notComparable,
                "the loss is \(recovery.before.map { LegibleText.number($0) } ?? "nothing") before training and "
                    + "\(recovery.after.map { LegibleText.number($0) } ?? "nothing") after it")
        }
        return limited(
            rule, "", after / before,
            "\(LegibleText.number(after)) vs \(LegibleText.number(before)) nats a token"
                + (recovery.bestStep == 0 ? "; training did not help: the model was written as it came" : ""))
    }
}
