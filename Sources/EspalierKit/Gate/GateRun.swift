import Faults
import Gate

/// What `gate` does, apart from its command line: checks files of results against rules.
public struct GateRun {
    /// The pruned model's results: of `evaluate --output`, or of lm-evaluation-harness.
    public var results: String
    /// The rules, in YAML.
    public var rules: String
    /// Whose rules hold.
    public var stage: GateRules.Stage
    /// The dense model's results.
    public var baseline: String?
    /// The run's `report.json`, for sizes.
    public var report: String?
    /// The output of `espalier benchmark --output`, for the rules on speed.
    public var benchmark: String?
    /// Golden prompts with the model's answers, as JSON.
    public var golden: String?
    /// Of a recovered model: its results before recovery, and its `recovery.json`.
    public var pruned: String?
    public var recovery: String?

    /// Paths of files; what has none is not looked at, and rules that need it are not comparable.
    public init(
        results: String, rules: String, stage: GateRules.Stage = .full, baseline: String? = nil, report: String? = nil,
        benchmark: String? = nil, golden: String? = nil, pruned: String? = nil, recovery: String? = nil
    ) {
        self.results = results
        self.rules = rules
        self.stage = stage
        self.baseline = baseline
        self.report = report
        self.benchmark = benchmark
        self.golden = golden
        self.pruned = pruned
        self.recovery = recovery
    }

    /// - Throws: `missingInput` and `badData` for files that cannot be used, `badRecipe` for rules.
    public func verdict() throws(Fault) -> GateVerdict {
        let rules = try GateRules(contentsOf: self.rules)
        let gate = QualityGate(
            results: try EvaluationResults(parsing: ReadableFile.bytes(results), file: results),
            baseline: try baseline.map { path throws(Fault) in
                try EvaluationResults(parsing: ReadableFile.bytes(path), file: path)
            },
            report: try report.map { path throws(Fault) in
                try SizeReport(parsing: ReadableFile.bytes(path), file: path)
            },
            benchmark: try benchmark.map { path throws(Fault) in
                try BenchmarkResults(parsing: ReadableFile.bytes(path), file: path)
            },
            golden: try golden.map { path throws(Fault) in
                try GoldenAnswers(parsing: ReadableFile.bytes(path), file: path)
            },
            pruned: try pruned.map { path throws(Fault) in
                try EvaluationResults(parsing: ReadableFile.bytes(path), file: path)
            },
            recovery: try recovery.map { path throws(Fault) in
                try RecoveryLosses(parsing: ReadableFile.bytes(path), file: path)
            })
        return try gate.verdict(rules, stage: stage, rulesFile: self.rules)
    }
}
