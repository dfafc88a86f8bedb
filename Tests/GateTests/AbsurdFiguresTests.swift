import Faults
import Testing

@testable import Gate

/// Figures that no model has never pass.
struct AbsurdFiguresTests {
    private func outcome(_ rule: String, results: String = "{}", report: String = "{}") throws -> GateVerdict.Outcome {
        let rules = try GateRules(yaml: "version: 1\nstages: {full: {\(rule)}}\n")
        let results = results == "{}" ? #"{"perplexity": {}}"# : results
        let gate = QualityGate(
            results: try EvaluationResults(parsing: Array(results.utf8), file: "r"), baseline: nil,
            report: try SizeReport(parsing: Array(report.utf8), file: "s"), benchmark: nil, golden: nil)
        return try gate.verdict(rules, stage: .full, rulesFile: "g").outcome
    }

    @Test(arguments: ["1e308", "0.5", "-4", "1e19", "0"])
    func aSizeIsAWholeNumber(_ before: String) throws {
        let report = #"{"parameters": {"before": \#(before), "after": 5}}"#
        #expect(try outcome("size_ratio: {max: 0.9}", report: report) == .notComparable)
        #expect(try outcome("size_ratio: {max: 0.9}", report: report.replacing(before, with: "10")) == .passed)
    }

    @Test func aDensePerplexityBesideWhichAllLookGoodIsNone() throws {
        let results = #"{"perplexity": {"t": {"value": 1e9}}, "divergence": {"t": {"against_perplexity": 1e300}}}"#
        #expect(try outcome("perplexity_ratio: {max: 1.1}", results: results) == .notComparable)
    }

    @Test(arguments: ["acc,", ",", ",none", "a,b,c"])
    func aMetricWithAnEmptyPartIsNone(_ metric: String) throws {
        #expect {
            try GateRules(yaml: "version: 1\nstages: {full: {recovery: {min: 0.9, metric: '\(metric)'}}}\n")
        } throws: { ($0 as? Fault)?.kind == .badRecipe }
        // Where the figure is read nothing is taken for granted.
        let results = try EvaluationResults(parsing: Array(#"{"results": {"t": {}}}"#.utf8), file: "r")
        #expect(results.standardError(metric, of: "t") == .missing)
    }
}
