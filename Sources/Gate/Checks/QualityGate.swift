import Faults

/// Holds results against the rules of a stage.
public struct QualityGate: Sendable {
    public var results: EvaluationResults
    public var baseline: EvaluationResults?
    public var report: SizeReport?
    public var benchmark: BenchmarkResults?
    public var golden: GoldenAnswers?
    /// Of a recovered model: its results before recovery.
    public var pruned: EvaluationResults?
    /// Of a recovered model: what its recovery wrote down.
    public var recovery: RecoveryLosses?

    public init(
        results: EvaluationResults, baseline: EvaluationResults? = nil, report: SizeReport? = nil,
        benchmark: BenchmarkResults? = nil, golden: GoldenAnswers? = nil, pruned: EvaluationResults? = nil,
        recovery: RecoveryLosses? = nil
    ) {
        self.results = results
        self.baseline = baseline
        self.report = report
        self.benchmark = benchmark
        self.golden = golden
        self.pruned = pruned
        self.recovery = recovery
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
            case .gapClosed, .perplexityVsPruned: verdict.checks += recoveredTextChecks(rule, among: list)
            case .accuracyVsPruned: verdict.checks.append(recoveredAccuracyCheck(rule))
            case .heldOutLoss: verdict.checks.append(heldOutCheck(rule))
            }
        }
        return verdict
    }

    // MARK: Whether the two files belong together

    /// The other results that are compared with these, and how reasons name them.
    private var others: [(results: EvaluationResults, name: String)] {
        (baseline.map { [($0, EvaluationResults.ofBaseline)] } ?? [])
            + (pruned.map { [($0, EvaluationResults.beforeRecovery)] } ?? [])
    }

    private var comparability: [GateVerdict.Check] {
        others.flatMap { other in
            zip(results.identity, other.results.identity).compactMap { mine, trait in
                mine.difference(from: trait, in: other.name).map { reason in
                    .init(
                        rule: "comparable", subject: mine.name, outcome: .notComparable, value: nil, limit: "the same",
                        reason: reason)
                }
            }
        }
    }

    private var notes: [String] {
        var names: [String] = []
        for other in others {
            for (mine, trait) in zip(results.identity, other.results.identity) where mine.isUnchecked(against: trait) {
                if !names.contains(mine.name) { names.append(mine.name) }
            }
        }
        return names.map { "\($0): only one of the files has it, so it was not compared" }
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
