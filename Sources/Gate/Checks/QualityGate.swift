import Faults

/// Holds results against the rules of a stage.
public struct QualityGate: Sendable {
    public var results: EvaluationResults
    public var baseline: EvaluationResults?
    public var report: SizeReport?
    public var benchmark: BenchmarkResults?
    public var golden: GoldenAnswers?

    public init(
        results: EvaluationResults, baseline: EvaluationResults? = nil, report: SizeReport? = nil,
        benchmark: BenchmarkResults? = nil, golden: GoldenAnswers? = nil
    ) {
        self.results = results
        self.baseline = baseline
        self.report = report
        self.benchmark = benchmark
        self.golden = golden
    }

    /// - Throws: `badRecipe` when the rules have no such stage, `badData` for golden prompts that cannot be compared.
    public func verdict(_ rules: GateRules, stage: GateRules.Stage, rulesFile: String? = nil) throws(Fault)
        -> GateVerdict
    {
        guard let list = rules.stages[stage] else {
            let known = GateRules.Stage.allCases.filter { rules.stages[$0] != nil }.map(\.rawValue)
            throw Fault(
                .badRecipe, "the rules have no stage '\(stage.rawValue)'", file: rulesFile,
                expected: "rules for it, or one of its stages: " + known.joined(separator: ", "),
                advice: "name a stage with --stage")
        }
        var verdict = GateVerdict(stage: stage.rawValue, checks: comparability, notes: notes)
        for rule in list {
            switch rule.measure {
            case .perplexityRatio, .kl, .topAgreement: verdict.checks += textChecks(rule, among: list)
            case .recovery: verdict.checks += recoveryChecks(rule, among: list)
            case .sizeRatio: verdict.checks.append(sizeCheck(rule, notes: &verdict.notes))
            case .speedRatio: verdict.checks += speedChecks(rule)
            case .goldenPrompts: verdict.checks.append(try goldenCheck(rule))
            }
        }
        return verdict
    }

    // MARK: Whether the two files belong together

    private var comparability: [GateVerdict.Check] {
        guard let baseline else { return [] }
        return zip(results.identity, baseline.identity).compactMap { mine, other in
            mine.difference(from: other).map { reason in
                .init(
                    rule: "comparable", subject: mine.name, outcome: .notComparable, value: nil, limit: "the same",
                    reason: reason)
            }
        }
    }

    private var notes: [String] {
        guard let baseline else { return [] }
        return zip(results.identity, baseline.identity).filter { $0.isUnchecked(against: $1) }.map {
            "\($0.0.name): only one of the two files has it, so it was not compared"
        }
    }

    // MARK: Making checks

    func limited(_ rule: GateRule, _ subject: String, _ value: Double, _ figures: String = "") -> GateVerdict.Check {
        // Finite figures can have a ratio that is NaN or infinite.
        guard value.isFinite else { return check(rule, subject, .notComparable, "the figures cannot be: \(figures)") }
        let source = figures.isEmpty ? "" : " (\(figures))"
        guard !rule.holds(value) else {
            return check(rule, subject, .passed, LegibleText.number(value) + source, value)
        }
        let (shown, limit) = LegibleText.numbers(value, rule.limit)
        let relation = rule.measure.hasMaximum ? "exceeds" : "is below"
        return check(rule, subject, .failed, "\(shown) \(relation) \(limit)\(source)", value)
    }

    /// What was not measured: not comparable, or skipped where the rule is optional.
    func missing(_ rule: GateRule, _ subject: String, _ reason: String) -> GateVerdict.Check {
        check(rule, subject, rule.isOptional ? .skipped : .notComparable, reason)
    }

    func check(
        _ rule: GateRule, _ subject: String, _ outcome: GateVerdict.Outcome, _ reason: String, _ value: Double? = nil
    ) -> GateVerdict.Check {
        .init(
            rule: rule.measure.rawValue, subject: LegibleText.of(subject), outcome: outcome, value: value,
            limit: rule.limitText, reason: reason)
    }
}
