import Faults
import Testing

@testable import Gate

/// Verdicts: passes, fails and refuses.
struct QualityGateTests {
    private func evaluation(_ text: String) throws -> EvaluationResults {
        try EvaluationResults(parsing: Array(text.utf8), file: "results.json")
    }

    /// One text and one task.
    private func results(
        perplexity: String = "11", against: String = "10", kl: String = "0.05", agreement: String = "0.9",
        tokens: Int = 900, context: Int = 64, accuracy: String = "0.49", error: String = "0.005", version: String = "1",
        effective: Int = 10_042, shots: String = "0", dtype: String = "float32", tokenizer: String = "aa",
        tokenDigest: String = "dd", limit: String = "null"
    ) throws -> EvaluationResults {
        try evaluation(
            """
            {"model": "m", "perplexity": {"a.txt": {"value": \(perplexity), "tokens": \(tokens), "context": \(context),
              "windows": 10, "tokens_sha256": "\(tokenDigest)"}},
             "divergence": {"a.txt": {"kl": \(kl), "top1_agreement": \(agreement), "against_perplexity": \(against)}},
             "results": {"hellaswag": {"acc,none": \(accuracy), "acc_stderr,none": \(error)}},
             "n-samples": {"hellaswag": {"original": 10042, "effective": \(effective)}}, "n-shot": {"hellaswag": \(shots)},
             "versions": {"hellaswag": \(version)}, "config": {"limit": \(limit)}, "tokenizer_sha256": "\(tokenizer)",
             "environment": {"dtype": "\(dtype)"}}
            """)
    }

    private func dense(perplexity: String = "10") throws -> EvaluationResults {
        try results(perplexity: perplexity, accuracy: "0.5")
    }

    private func verdict(_ rules: String, _ gate: QualityGate) throws -> GateVerdict {
        try gate.verdict(try GateRules(yaml: "version: 1\nstages: {full: {\(rules)}}\n"), stage: .full)
    }

    @Test("figures within their limits pass, beyond them they fail")
    func limits() throws {
        let gate = QualityGate(results: try results())
        for (rule, holds) in [
            ("perplexity_ratio: {max: 1.1}", true), ("perplexity_ratio: {max: 1.09}", false), ("kl: {max: 0.05}", true),
            ("kl: {max: 0.049}", false), ("top1_agreement: {min: 0.9}", true), ("top1_agreement: {min: 0.91}", false),
        ] {
            let found = try verdict(rule, gate)
            #expect(found.outcome == (holds ? .passed : .failed), "\(rule)")
            #expect(found.outcome.exitCode == (holds ? 0 : 2))
            #expect(found.checks.count == 1 && found.checks[0].subject == "a.txt")
        }
    }

    @Test("a name's own limit goes before the default")
    func ownLimit() throws {
        let found = try verdict(
            "perplexity_ratio: {default: {max: 1}, a.txt: {max: 2}}", QualityGate(results: try results()))
        #expect(found.outcome == .passed && found.checks.count == 1)
    }

    /// What `evaluate --prompts` writes of a log.
    private func prompts(_ name: String = "log.jsonl", kl: String = "0.2") throws -> EvaluationResults {
        try evaluation(
            """
            {"perplexity": {"a.txt": {"value": 11, "tokens": 900, "context": 64, "windows": 10}},
             "divergence": {"a.txt": {"kl": 0.05, "top1_agreement": 0.9, "against_perplexity": 10}},
             "prompts": {"\(name)": {"kl": \(kl), "top1_agreement": 0.8, "perplexity": 12, "against_perplexity": 10}}}
            """)
    }

    @Test("a log of prompts is held against the rules for texts, by its own name or with all others")
    func logsOfPrompts() throws {
        let gate = QualityGate(results: try prompts())
        let all = try verdict("kl: {max: 0.1}", gate)
        #expect(all.outcome == .failed && all.checks.map(\.subject) == ["a.txt", "log.jsonl"])
        #expect(all.checks.map(\.outcome) == [.passed, .failed])
        #expect(try verdict("kl: {default: {max: 0.1}, log.jsonl: {max: 0.2}}", gate).outcome == .passed)
        #expect(try verdict("perplexity_ratio: {log.jsonl: {max: 1.19}}", gate).outcome == .failed)
        #expect(try verdict("perplexity_ratio: {log.jsonl: {max: 1.2}}", gate).outcome == .passed)
        #expect(try verdict("top1_agreement: {log.jsonl: {min: 0.81}}", gate).outcome == .failed)
        #expect(try verdict("kl: {max: 0.1}", QualityGate(results: try prompts(kl: "null"))).outcome == .failed)
        // The dense model was measured on it in the same run, so that a baseline is not asked.
        let beside = QualityGate(results: try prompts(), baseline: try dense())
        #expect(try verdict("perplexity_ratio: {max: 1.2}", beside).outcome == .passed)
    }

    @Test("a text and a log of the same name are refused: a rule by that name would see one of them")
    func sameNames() {
        #expect(throws: Fault.self) { try self.prompts("a.txt") }
    }

    @Test("a figure that is missing is not comparable")
    func missing() throws {
        let bare = try evaluation("{\"perplexity\": {\"a.txt\": {\"value\": 11, \"tokens\": 9}}}")
        for rule in [
            "perplexity_ratio: {max: 9}", "kl: {max: 9}", "top1_agreement: {min: 0}", "recovery: {min: 0.1}",
            "size_ratio: {max: 9}", "speed_ratio: {min: 0}", "golden_prompts: {min: 0}", "kl: {b.txt: {max: 9}}",
        ] {
            let found = try verdict(rule, QualityGate(results: bare))
            #expect(found.outcome == .notComparable && found.outcome.exitCode == 3, "\(rule)")
            #expect(!found.checks[0].reason.isEmpty)
        }
        let nothing = try evaluation("{\"perplexity\": {}}")
        #expect(try verdict("kl: {max: 9}", QualityGate(results: nothing)).outcome == .notComparable)
    }

    @Test("what is no number never passes", arguments: ["null", "\"NaN\"", "1e999", "-1e999", "[]", "true"])
    func notANumber(value: String) throws {
        let huge = "1000000000"
        for (rule, broken) in [
            ("perplexity_ratio: {max: \(huge)}", try results(perplexity: value)),
            ("kl: {max: \(huge)}", try results(kl: value)),
            ("top1_agreement: {min: 0}", try results(agreement: value)),
        ] {
            #expect(try verdict(rule, QualityGate(results: broken)).outcome == .failed, "\(rule)")
        }
        let gate = QualityGate(results: try results(accuracy: value), baseline: try dense())
        #expect(try verdict("recovery: {min: 0}", gate).outcome == .failed)
        // Of the dense model: nothing to compare with.
        #expect(
            try verdict("perplexity_ratio: {max: \(huge)}", QualityGate(results: try results(against: value))).outcome
                == .notComparable)
        let other = QualityGate(results: try results(), baseline: try results(accuracy: value))
        #expect(try verdict("recovery: {min: 0}", other).outcome == .notComparable)
        let error = QualityGate(results: try results(error: value), baseline: try dense())
        #expect(try verdict("recovery: {min: 0}", error).outcome == .notComparable)
    }

    @Test("figures that cannot be never pass")
    func impossible() throws {
        for (rule, broken) in [
            ("perplexity_ratio: {max: 2}", try results(perplexity: "0.5")),
            ("perplexity_ratio: {max: 2}", try results(against: "-3")), ("kl: {max: 2}", try results(kl: "-2")),
            ("top1_agreement: {min: 0.9}", try results(agreement: "90")),
        ] {
            #expect(try verdict(rule, QualityGate(results: broken)).outcome == .notComparable, "\(rule)")
        }
        let percent = QualityGate(results: try results(accuracy: "49"), baseline: try dense())
        #expect(try verdict("recovery: {min: 0.9}", percent).outcome == .notComparable)
    }

    @Test("a recovery needs evidence, not only a good figure")
    func recovery() throws {
        let gate = QualityGate(results: try results(), baseline: try dense())
        // 0.98 of the dense accuracy, standard errors 0.005: at least 0.957 with confidence 0.95.
        #expect(try verdict("recovery: {min: 0.95}", gate).outcome == .passed)
        let unsure = try verdict("recovery: {min: 0.97}", gate)
        #expect(unsure.outcome == .failed && unsure.checks[0].reason.contains("too few items"))
        #expect(try verdict("recovery: {min: 0.97, confidence: 0.5}", gate).outcome == .passed)
        let worse = try verdict("recovery: {min: 0.99}", gate)
        #expect(worse.outcome == .failed && !worse.checks[0].reason.contains("too few items"))
        // Above guessing there is less: (0.49 − 0.25) / (0.5 − 0.25) = 0.96.
        #expect(try verdict("recovery: {min: 0.97, confidence: 0.5, chance: 0.25}", gate).outcome == .failed)
        #expect(try verdict("recovery: {min: 0.5, chance: 0.499}", gate).outcome == .notComparable)
        #expect(try verdict("recovery: {min: 0.5, metric: acc_norm}", gate).outcome == .notComparable)
        #expect(try verdict("recovery: {piqa: {min: 0.5}}", gate).outcome == .notComparable)
    }

    @Test("all items right is no proof when they are few")
    func fewItems() throws {
        func make(_ effective: Int) throws -> EvaluationResults {
            try results(accuracy: "1.0", error: "0.0", effective: effective)
        }
        let few = QualityGate(results: try make(5), baseline: try make(5))
        #expect(try verdict("recovery: {min: 0.9}", few).outcome == .failed)
        let many = QualityGate(results: try make(1000), baseline: try make(1000))
        #expect(try verdict("recovery: {min: 0.9}", many).outcome == .passed)
    }

    @Test("results that do not belong together never pass, and both values are named")
    func notComparable() throws {
        let rules = "recovery: {min: 0}, perplexity_ratio: {max: 1000}, kl: {max: 1000}"
        let baseline = try dense()
        #expect(try verdict(rules, QualityGate(results: try results(), baseline: baseline)).outcome == .passed)
        for (other, name, mine) in [
            (try results(version: "2"), "version", "2"), (try results(effective: 100), "number of items used", "100"),
            (try results(shots: "5"), "few-shot", "5"), (try results(limit: "100"), "limit", "100"),
            (try results(tokens: 901), "tokens", "901"), (try results(context: 128), "context", "128"),
            (try results(dtype: "bfloat16"), "data type", "bfloat16"),
            (try results(tokenizer: "bb"), "tokenizer", "bb"), (try results(tokenDigest: "ee"), "tokens", "ee"),
            (try results(against: "12"), "perplexity", "12"),
        ] {
            let found = try verdict(rules, QualityGate(results: other, baseline: baseline))
            #expect(found.outcome == .notComparable, "\(name)")
            let reasons = found.checks.filter { $0.outcome == .notComparable }.map(\.reason)
            #expect(
                reasons.contains { $0.contains(name) && $0.contains(mine) && $0.contains("baseline") }, "\(reasons)")
        }
        // 1 and 1.0 are the same version.
        #expect(
            try verdict(rules, QualityGate(results: try results(version: "1.0"), baseline: baseline)).outcome == .passed
        )
    }

    @Test("a task or text of one file only is not comparable")
    func oneSided() throws {
        let more = try evaluation(
            """
            {"results": {"hellaswag": {"acc,none": 0.5, "acc_stderr,none": 0.01}, "piqa": {"acc,none": 0.5,
             "acc_stderr,none": 0.01}}, "versions": {"hellaswag": 1, "piqa": 1}}
            """)
        let less = try evaluation(
            """
            {"results": {"hellaswag": {"acc,none": 0.5, "acc_stderr,none": 0.01}, "wikitext": {"word_perplexity,none": 9}},
             "versions": {"hellaswag": 1, "wikitext": 2}}
            """)
        for (results, baseline) in [(more, less), (less, more)] {
            let found = try verdict("recovery: {min: 0}", QualityGate(results: results, baseline: baseline))
            #expect(found.outcome == .notComparable && found.checks.map(\.subject) == ["hellaswag", "piqa"])
        }
        #expect(try verdict("recovery: {min: 0}", QualityGate(results: less, baseline: less)).outcome == .passed)
    }

    @Test("not comparable outweighs failed")
    func precedence() throws {
        let found = try verdict("kl: {max: 0}, size_ratio: {max: 1}", QualityGate(results: try results()))
        #expect(found.checks.map(\.outcome) == [.failed, .notComparable] && found.outcome == .notComparable)
    }

    @Test("sizes come from the run's report")
    func sizes() throws {
        func gate(_ report: String) throws -> QualityGate {
            QualityGate(
                results: try results(), report: try SizeReport(parsing: Array(report.utf8), file: "report.json"))
        }
        let plain = try gate("{\"parameters\": {\"before\": 100, \"after\": 75}}")
        let found = try verdict("size_ratio: {max: 0.75}", plain)
        #expect(found.outcome == .passed && found.notes.count == 1)
        #expect(try verdict("size_ratio: {max: 0.7}", plain).outcome == .failed)
        #expect(try verdict("size_ratio: {bytes: {max: 2}}", plain).outcome == .notComparable)
        let tyr = try gate("{\"structure\": {\"budget\": {\"of\": \"bytes\", \"before\": 10, \"after\": 6}}}")
        #expect(try verdict("size_ratio: {bytes: {max: 0.6}}", tyr).outcome == .passed)
        #expect(try verdict("size_ratio: {max: 0.6}", tyr).outcome == .notComparable)
        let measured = QualityGate(
            results: try results(),
            benchmark: try BenchmarkResults(
                parsing: Array("{\"bytes\": 6, \"runs\": [], \"against\": {\"bytes\": 10, \"runs\": []}}".utf8),
                file: "b"))
        #expect(try verdict("size_ratio: {bytes: {max: 0.6}}", measured).outcome == .passed)
        #expect(try verdict("size_ratio: {bytes: {max: 0.5}}", measured).outcome == .failed)
        #expect(try verdict("size_ratio: {max: 0.6}", measured).outcome == .notComparable)
        for wrong in ["{\"parameters\": {\"before\": 0, \"after\": 0}}", "{\"parameters\": {\"before\": null}}"] {
            #expect(try verdict("size_ratio: {max: 2}", try gate(wrong)).outcome == .notComparable)
        }
    }

    @Test("speeds are compared at the same prompt and batch")
    func speeds() throws {
        func gate(_ json: String) throws -> QualityGate {
            QualityGate(
                results: try results(), benchmark: try BenchmarkResults(parsing: Array(json.utf8), file: "b.json"))
        }
        let run = { (prompt: Int, first: String, rate: String) in
            "{\"prompt\": \(prompt), \"batch\": 1, \"time_to_first_token\": {\"median\": \(first)}, "
                + "\"decode_tokens_per_second\": {\"median\": \(rate)}}"
        }
        let both = try gate(
            "{\"runs\": [\(run(512, "0.5", "30"))], \"against\": {\"runs\": [\(run(512, "1.0", "20"))]}}")
        #expect(try verdict("speed_ratio: {min: 1.5}", both).outcome == .passed)
        #expect(try verdict("speed_ratio: {decode_tokens_per_second: {min: 1.6}}", both).outcome == .failed)
        #expect(try verdict("speed_ratio: {time_to_first_token: {min: 2}}", both).outcome == .passed)
        for other in [
            "{\"runs\": [\(run(512, "0.5", "30"))]}",
            "{\"runs\": [\(run(512, "0.5", "30"))], \"against\": {\"runs\": [\(run(128, "1", "20"))]}}",
            "{\"runs\": [\(run(512, "0.5", "null"))], \"against\": {\"runs\": [\(run(512, "1", "20"))]}}",
            "{\"runs\": [], \"against\": {\"runs\": []}}",
        ] {
            #expect(try verdict("speed_ratio: {min: 0}", try gate(other)).outcome == .notComparable)
        }
        #expect(throws: Fault.self) { try gate("{\"runs\": 3}") }
        #expect(throws: Fault.self) { try gate("{\"runs\": [\(run(1, "1", "1")), \(run(1, "1", "1"))]}") }
    }

    @Test("golden prompts must hold")
    func golden() throws {
        func gate(_ prompts: String) throws -> QualityGate {
            QualityGate(
                results: try results(),
                golden: try GoldenAnswers(parsing: Array("{\"version\": 1, \"prompts\": [\(prompts)]}".utf8), file: "g")
            )
        }
        func prompt(_ expected: String, _ answer: String, _ match: String? = nil) -> String {
            "{\"prompt\": \"p\", \"expected\": \"\(expected)\", \"answer\": \(answer)"
                + (match.map { ", \"match\": \"\($0)\"}" } ?? "}")
        }
        let rule = "golden_prompts: {min: 1}"
        #expect(try verdict(rule, try gate(prompt("Paris", "\" Paris\\n\""))).outcome == .passed)
        #expect(try verdict(rule, try gate(prompt("Paris", "\"Paris.\""))).outcome == .failed)
        #expect(try verdict(rule, try gate(prompt("Paris", "\"in Paris.\"", "contains"))).outcome == .passed)
        #expect(
            try verdict("golden_prompts: {min: 1, match: contains}", try gate(prompt("P", "\"oP\""))).outcome == .passed
        )
        #expect(try verdict(rule, try gate(prompt("^[0-9]+$", "\"42\"", "regex"))).outcome == .passed)
        #expect(try verdict(rule, try gate(prompt("^[0-9]+$", "\"4 2\"", "regex"))).outcome == .failed)
        // An engine that tries one way after another would be at this for years.
        let endless = try gate(prompt("^(a+)+$", "\"\(String(repeating: "a", count: 41))!\"", "regex"))
        #expect(try verdict(rule, endless).outcome == .failed)
        #expect(throws: Fault.self) { try verdict(rule, try gate(prompt("(?=a)a", "\"a\"", "regex"))) }
        let half = prompt("a", "\"a\"") + "," + prompt("b", "\"c\"")
        #expect(try verdict("golden_prompts: {min: 0.5}", try gate(half)).outcome == .passed)
        let broken = try verdict(rule, try gate(half))
        #expect(broken.outcome == .failed && broken.checks[0].reason == "1 of 2 hold; p: c instead of b")
        #expect(try verdict("golden_prompts: {min: 0}", try gate(prompt("a", "null"))).outcome == .notComparable)
        #expect(try verdict("golden_prompts: {min: 0}", try gate("")).outcome == .notComparable)
        for wrong in [prompt("(", "\"a\"", "regex"), prompt("", "\"a\"", "contains"), prompt("a*", "\"b\"", "regex")] {
            #expect(throws: Fault.self) { try verdict(rule, try gate(wrong)) }
        }
        #expect(throws: Fault.self) { try gate(prompt("a", "\"a\"", "fuzzy")) }
        #expect(throws: Fault.self) { try gate("{\"prompt\": \"p\"}") }
    }

    @Test("files that are none are bad data", arguments: ["", "[]", "{\"perplexity\": NaN}", "{}", "{\"results\": 1}"])
    func notResults(text: String) {
        do throws(Fault) {
            _ = try EvaluationResults(parsing: Array(text.utf8), file: "r.json")
            Issue.record("accepted")
        } catch { #expect(error.kind == .badData && error.file == "r.json") }
    }

    @Test("random damage never traps")
    func randomDamage() throws {
        let whole = Array(
            """
            {"perplexity": {"a.txt": {"value": 11, "tokens": 900, "context": 64, "windows": 10}},
             "divergence": {"a.txt": {"kl": 0.1, "top1_agreement": 0.9, "against_perplexity": 10}},
             "results": {"t": {"acc,none": 0.5, "acc_stderr,none": 0.01}}, "versions": {"t": 1},
             "n-samples": {"t": {"original": 9, "effective": 9}}}
            """.utf8)
        let rules = try GateRules(
            yaml: "version: 1\nstages: {full: {perplexity_ratio: {max: 9}, kl: {max: 9}, recovery: {min: 0.1}}}\n")
        let dense = try EvaluationResults(parsing: whole, file: "d.json")
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let letters = Array("0123456789.-eE\"{}[],:nul".utf8)
        var read = 0
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0...next(3) { bytes[next(bytes.count)] = letters[next(letters.count)] }
            do throws(Fault) {
                let results = try EvaluationResults(parsing: bytes, file: "r.json")
                _ = try QualityGate(results: results, baseline: dense).verdict(rules, stage: .full)
                read += 1
            } catch { #expect(error.kind == .badData) }
        }
        #expect(read > 100)
    }

    // MARK: Optional rules

    @Test("an optional rule is skipped where its figure was not measured, and counts where it was")
    func optionalRules() throws {
        let bare = QualityGate(results: try results())
        for rule in [
            "golden_prompts: {min: 1, optional: true}", "recovery: {min: 0.9, optional: true}",
            "size_ratio: {max: 1, optional: true}", "size_ratio: {bytes: {max: 1, optional: true}}",
            "speed_ratio: {min: 1, optional: true}", "kl: {b.txt: {max: 1, optional: true}}",
            "perplexity_ratio: {b.txt: {max: 1, optional: true}}",
        ] {
            let alone = try verdict(rule, bare)
            #expect(alone.checks.map(\.outcome).allSatisfy { $0 == .skipped }, "\(rule)")
            // Nothing was checked: that is no pass.
            #expect(alone.outcome == .notComparable && alone.headline.contains("nothing was checked"), "\(rule)")
            let beside = try verdict("top1_agreement: {min: 0.9}, " + rule, bare)
            #expect(beside.outcome == .passed, "\(rule)")
            #expect(beside.outcome.exitCode == 0 && beside.headline.hasPrefix("pass (1 check; "), "\(beside.headline)")
            #expect(JUnitReport.text(beside).contains("<skipped message="))
        }
        #expect(try verdict("kl: {max: 0.01, optional: true}", bare).outcome == .failed)
        // Files that do not belong together are no missing figure.
        let other = QualityGate(results: try results(), baseline: try results(accuracy: "0.5", version: "2"))
        #expect(try verdict("recovery: {min: 0.9, optional: true}", other).outcome == .notComparable)
    }

    @Test("a fail beside what is not comparable is counted")
    func headlines() throws {
        let bare = QualityGate(results: try results())
        let both = try verdict("kl: {max: 0.01}, top1_agreement: {min: 0.99}, golden_prompts: {min: 1}", bare)
        #expect(both.outcome == .notComparable)
        #expect(both.headline == "not comparable (1 of 3 checks; 2 fail)")
        #expect(both.json.objectValue?["failed"]?.integerValue == 2)
        #expect(MarkdownSummary.text(both).contains("stage full: not comparable (1 of 3 checks; 2 fail)"))
        #expect(try verdict("kl: {max: 0.01}", bare).headline == "fail (1 of 1 check)")
        #expect(try verdict("kl: {max: 1}, top1_agreement: {min: 0}", bare).headline == "pass (2 checks)")
    }
}
