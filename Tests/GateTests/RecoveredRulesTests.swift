import Faults
import Foundation
import Testing

@testable import Gate

/// Rules for recovered models, which look at the same model before its recovery.
@Suite("Rules for recovered models")
struct RecoveredRulesTests {
    private func evaluation(
        _ perplexities: [String: String], dense: String = "10", tasks: [String: String] = ["piqa": "0.6"],
        items: Int = 200, tokens: Int = 900, tokenizer: String = "aa", more: String = ""
    ) throws -> EvaluationResults {
        func object(_ members: [(String, String)]) -> String {
            "{" + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
        }
        let texts = perplexities.sorted { $0.key < $1.key }
        let names = tasks.sorted { $0.key < $1.key }
        let text = object([
            (
                "perplexity",
                object(
                    texts.map {
                        (
                            $0.key,
                            "{\"value\": \($0.value), \"tokens\": \(tokens), \"context\": 64, \"windows\": 10}"
                        )
                    })
            ),
            (
                "divergence",
                object(texts.map { ($0.key, "{\"kl\": 0.1, \"against_perplexity\": \(dense)}") })
            ),
            ("results", object(names.map { ($0.key, "{\"acc,none\": \($0.value), \"acc_stderr,none\": 0.03}") })),
            ("n-samples", object(names.map { ($0.key, "{\"original\": 1000, \"effective\": \(items)}") })),
            ("versions", object(names.map { ($0.key, "1") })), ("tokenizer_sha256", "\"\(tokenizer)\""),
        ])
        return try EvaluationResults(parsing: Array((text.dropLast() + more + "}").utf8), file: "results.json")
    }

    private func verdict(_ rules: String, _ gate: QualityGate) throws -> GateVerdict {
        try gate.verdict(try GateRules(yaml: "version: 1\nstages: {full: {\(rules)}}\n"), stage: .full)
    }

    @Test("the share of the gap is that of the logarithms")
    func gap() throws {
        // From 160 to 40 with a dense model at 10: half of the way in the logarithm.
        #expect(PerplexityGap.closed(dense: 10, before: 160, after: 40) == 0.5)
        #expect(PerplexityGap.closed(dense: 10, before: 160, after: 160) == 0)
        #expect(PerplexityGap.closed(dense: 10, before: 160, after: 320).map { abs($0 + 0.25) < 1e-12 } == true)
        #expect(PerplexityGap.closed(dense: 10, before: 160, after: 10) == 1)
        #expect(PerplexityGap.closed(dense: 10, before: 10.005, after: 9) == nil)
        #expect(PerplexityGap.closed(dense: 10, before: .nan, after: 9) == nil)
        let gate = QualityGate(
            results: try evaluation(["a.txt": "40"]), pruned: try evaluation(["a.txt": "160"]))
        for (rule, outcome) in [
            ("gap_closed: {min: 0.5}", GateVerdict.Outcome.passed), ("gap_closed: {min: 0.51}", .failed),
            ("perplexity_vs_pruned: {max: 0.25}", .passed), ("perplexity_vs_pruned: {max: 0.24}", .failed),
        ] {
            let found = try verdict(rule, gate)
            #expect(found.outcome == outcome, "\(rule)")
            #expect(found.checks.count == 1 && found.checks[0].subject == "a.txt")
        }
    }

    @Test("every text counts by itself: one cannot get better at another's cost")
    func everyText() throws {
        let gate = QualityGate(
            results: try evaluation(["a.txt": "40", "b.txt": "170"]),
            pruned: try evaluation(["a.txt": "160", "b.txt": "160"]))
        let found = try verdict("perplexity_vs_pruned: {max: 1}", gate)
        #expect(found.checks.map(\.outcome) == [.passed, .failed])
        #expect(try verdict("perplexity_vs_pruned: {default: {max: 1}, b.txt: {max: 1.1}}", gate).outcome == .passed)
        #expect(try verdict("gap_closed: {a.txt: {min: 0.4}}", gate).outcome == .passed)
    }

    @Test("without the pruned model's results nothing is known; an optional rule is skipped")
    func missing() throws {
        let results = try evaluation(["a.txt": "40"])
        for rule in ["gap_closed: {min: 0.1}", "accuracy_vs_pruned: {min: -1}", "held_out_loss: {max: 1}"] {
            #expect(try verdict(rule, QualityGate(results: results)).outcome == .notComparable)
            let optional = rule.replacing("}", with: ", optional: true}")
            #expect(try verdict(optional, QualityGate(results: results)).checks.map(\.outcome) == [.skipped])
        }
        let other = QualityGate(results: results, pruned: try evaluation(["b.txt": "160"]))
        #expect(try verdict("gap_closed: {min: 0}", other).checks.map(\.outcome) == [.notComparable, .notComparable])
    }

    @Test("results of other tokens, tokenizers or dense models, and a gap that is none, are not comparable")
    func notComparable() throws {
        let results = try evaluation(["a.txt": "40"])
        func reason(_ pruned: EvaluationResults) throws -> String {
            let found = try verdict("gap_closed: {min: 0}", QualityGate(results: results, pruned: pruned))
            #expect(found.outcome == .notComparable)
            return found.checks.first { $0.outcome == .notComparable }?.reason ?? ""
        }
        #expect(
            try reason(evaluation(["a.txt": "160"], tokens: 800)) == "tokens: 900 in the results, 800 before recovery")
        #expect(try reason(evaluation(["a.txt": "160"], tokenizer: "bb")).hasSuffix("bb before recovery"))
        #expect(try reason(evaluation(["a.txt": "160"], dense: "11")).contains("another model or another text"))
        #expect(try reason(evaluation(["a.txt": "10"])).contains("no gap to close"))
        #expect(try reason(evaluation(["a.txt": "null"])).contains("before recovery is null"))
        let broken = QualityGate(
            results: try evaluation(["a.txt": "null"]), pruned: try evaluation(["a.txt": "160"]))
        #expect(try verdict("gap_closed: {min: 0}", broken).outcome == .failed)
    }

    @Test("a log of prompts is compared on its own tokens")
    func logs() throws {
        func log(_ perplexity: Int, _ tokens: Int) throws -> EvaluationResults {
            try evaluation(
                [:],
                more: ", \"prompts\": {\"log.jsonl\": {\"perplexity\": \(perplexity), \"tokens\": \(tokens), "
                    + "\"against_perplexity\": 10}}")
        }
        let gate = QualityGate(results: try log(40, 70), pruned: try log(160, 70))
        #expect(try verdict("gap_closed: {min: 0.5}", gate).outcome == .passed)
        let other = QualityGate(results: try log(40, 70), pruned: try log(160, 71))
        #expect(try verdict("gap_closed: {min: 0.5}", other).outcome == .notComparable)
        let mixed = QualityGate(results: try evaluation(["log.jsonl": "40"]), pruned: try log(160, 70))
        #expect(try verdict("gap_closed: {min: 0.5}", mixed).outcome == .notComparable)
    }

    @Test("accuracy is the mean over all tasks, in standard errors of the difference")
    func accuracy() throws {
        // Differences −0.06 and 0: the mean −0.03, its error √(4 · 0.03²) / 2 = 0.03.
        let gate = QualityGate(
            results: try evaluation([:], tasks: ["arc": "0.44", "piqa": "0.6"]),
            pruned: try evaluation([:], tasks: ["arc": "0.5", "piqa": "0.6"]))
        let found = try verdict("accuracy_vs_pruned: {min: -1.01}", gate)
        #expect(found.outcome == .passed && found.checks.map(\.subject) == ["mean of all tasks"])
        #expect(abs((found.checks[0].value ?? 0) + 1) < 1e-9)
        #expect(try verdict("accuracy_vs_pruned: {min: -0.99}", gate).outcome == .failed)
        // −0.06 / (0.03 · √2)
        let arc = try verdict("accuracy_vs_pruned: {arc: {min: -1.42}}", gate)
        #expect(arc.outcome == .passed && arc.checks[0].subject == "arc")
        #expect(try verdict("accuracy_vs_pruned: {arc: {min: -1.41}}", gate).outcome == .failed)
        let fewer = QualityGate(
            results: try evaluation([:], tasks: ["arc": "0.44", "piqa": "0.6"]),
            pruned: try evaluation([:], tasks: ["piqa": "0.6"]))
        #expect(try verdict("accuracy_vs_pruned: {min: -1}", fewer).outcome == .notComparable)
        let items = QualityGate(
            results: try evaluation([:]), pruned: try evaluation([:], items: 100))
        #expect(try verdict("accuracy_vs_pruned: {min: -1}", items).outcome == .notComparable)
    }

    @Test("a group counts once, not with each of its tasks")
    func groups() throws {
        let members = ", \"group_subtasks\": {\"mmlu\": [\"a\", \"b\"]}"
        func results(_ a: String, _ mmlu: String) throws -> EvaluationResults {
            try evaluation([:], tasks: ["a": a, "b": "0.5", "mmlu": mmlu], more: members)
        }
        let gate = QualityGate(results: try results("0.1", "0.5"), pruned: try results("0.9", "0.5"))
        #expect(try verdict("accuracy_vs_pruned: {min: 0}", gate).outcome == .passed)
    }

    private func recovery(best: Int) throws -> RecoveryLosses {
        try RecoveryLosses(
            parsing: Array(
                """
                {"loss": "kl", "trained": "all", "steps": 4, "best_step": \(best), "tokens": 8192,
                 "held_out": [{"step": 0, "kl": 2.5}, {"step": 2, "kl": 1.25}, {"step": 4, "kl": 1.5}],
                 "training_loss": [2.4, 2.0, 1.8, 1.4]}
                """.utf8), file: "recovery.json")
    }

    @Test("the loss on the held-out sequences is that of what was written")
    func heldOut() throws {
        let results = try evaluation(["a.txt": "40"])
        let helped = QualityGate(results: results, recovery: try recovery(best: 2))
        #expect(try verdict("held_out_loss: {max: 0.5}", helped).outcome == .passed)
        #expect(try verdict("held_out_loss: {max: 0.49}", helped).outcome == .failed)
        let not = try verdict(
            "held_out_loss: {max: 0.99}", QualityGate(results: results, recovery: try recovery(best: 0)))
        #expect(not.outcome == .failed && not.checks[0].reason.contains("training did not help"))
    }

    @Test("settings that such a rule has not are refused")
    func settings() {
        for rule in [
            "gap_closed: {max: 1}", "gap_closed: {min: 2}", "perplexity_vs_pruned: {min: 1}",
            "held_out_loss: {a.txt: {max: 1}}", "accuracy_vs_pruned: {min: -1, metric: perplexity}",
            "accuracy_vs_pruned: {min: -1000}", "gap_closed: {min: 0, confidence: 0.9}",
        ] {
            let found = #expect(throws: Fault.self, "\(rule)") {
                try GateRules(yaml: "version: 1\nstages: {full: {\(rule)}}\n")
            }
            #expect(found?.kind == .badRecipe)
        }
    }
}
