import Faults

/// Accuracy on tasks.
extension QualityGate {
    func recoveryChecks(_ rule: GateRule, among rules: [GateRule]) -> [GateVerdict.Check] {
        guard let baseline else {
            return [missing(rule, rule.subject ?? "", "there is no baseline: give --baseline DENSE.json")]
        }
        // A task without the metric in both files (a perplexity) is not covered by the default rule.
        let names = (results.tasks + baseline.tasks).filter {
            results.hasMetric(rule.metric, of: $0) || baseline.hasMetric(rule.metric, of: $0)
        }
        let tasks = subjects(rule, names, among: rules)
        guard !tasks.isEmpty || !names.isEmpty else {
            return [
                missing(
                    rule, "",
                    "no task has \(LegibleText.of(rule.metric, limit: 40)): evaluate both models on tasks")
            ]
        }
        return tasks.map { recoveryCheck(rule, $0, baseline) }
    }

    private func recoveryCheck(
        _ rule: GateRule, _ task: String, _ baseline: EvaluationResults
    ) -> GateVerdict.Check {
        for (mine, other) in zip(results.identity(ofTask: task), baseline.identity(ofTask: task)) {
            if let reason = mine.difference(from: other) { return check(rule, task, .notComparable, reason) }
        }
        let metric = LegibleText.of(rule.metric, limit: 40)
        let (pruned, dense) = (results.metric(rule.metric, of: task), baseline.metric(rule.metric, of: task))
        if pruned == .missing, dense == .missing {
            return missing(rule, task, "neither file has \(metric) of this task: evaluate both models on it")
        }
        if case .notANumber(let kind) = pruned {
            return check(rule, task, .failed, "\(metric) is \(kind): the model's predictions are NaN or infinite")
        }
        guard let accuracy = pruned.value, let denseAccuracy = dense.value, (0...1).contains(accuracy),
            (0...1).contains(denseAccuracy)
        else {
            return check(
                rule, task, .notComparable,
                "\(metric) is \(pruned.text) in the results, \(dense.text) in the baseline; expected 0 to 1")
        }
        var errors = (0.0, 0.0)
        if rule.confidence > 0.5 {
            guard let mine = standardError(results, rule.metric, task, accuracy),
                let other = standardError(baseline, rule.metric, task, denseAccuracy)
            else {
                return check(
                    rule, task, .notComparable,
                    "the standard error of \(metric) is \(results.standardError(rule.metric, of: task).text) in the "
                        + "results, \(baseline.standardError(rule.metric, of: task).text) in the baseline")
            }
            errors = (mine, other)
        }
        let test = RecoveryTest(
            accuracy: accuracy - rule.chance, denseAccuracy: denseAccuracy - rule.chance, standardError: errors.0,
            denseStandardError: errors.1, confidence: rule.confidence)
        guard test.hasSignal else {
            return check(
                rule, task, .notComparable,
                "the dense model's \(metric) of \(LegibleText.number(denseAccuracy)) is not above guessing "
                    + "(\(LegibleText.number(rule.chance))) by more than its error")
        }
        let figures = "\(metric) \(LegibleText.number(accuracy)) vs \(LegibleText.number(denseAccuracy))"
        let bound =
            "at least \(LegibleText.number(test.lowerBound)) with confidence \(LegibleText.number(rule.confidence))"
        if test.holds(rule.limit) {
            return check(rule, task, .passed, "\(figures): \(bound)", test.recovery)
        }
        return check(
            rule, task, .failed,
            test.recovery < rule.limit
                ? figures
                : "\(figures): only \(bound); too few items to be sure, or too large a loss", test.recovery)
    }

    /// nil where there is none that can be used.
    func standardError(
        _ results: EvaluationResults, _ metric: String, _ task: String, _ accuracy: Double
    ) -> Double? {
        guard let error = results.standardError(metric, of: task).value, error >= 0 else { return nil }
        // All right or all wrong: the estimate is 0 however few the items are.
        guard error == 0 else { return error }
        guard let count = results.effectiveSamples(of: task), count > 0 else { return nil }
        return RecoveryTest.standardErrorAtTheEdge(accuracy: accuracy, count: count)
    }
}
