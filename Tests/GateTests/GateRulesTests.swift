import Faults
import Foundation
import Testing

@testable import Gate

/// Rules files, right and wrong.
struct GateRulesTests {
    private func fault(_ yaml: String) -> Fault? {
        do throws(Fault) {
            _ = try GateRules(yaml: yaml, file: "gate.yaml")
            return nil
        } catch { return error }
    }

    @Test("every rule is read, for all names or for one")
    func everyRule() throws {
        let rules = try GateRules(
            yaml: """
                version: 1
                stages:
                  poc:
                    perplexity_ratio: {max: 1.5}
                  full:
                    perplexity_ratio:
                      default: {max: 1.1}
                      news.txt: {max: 1.2}
                    kl: {max: 0.1}
                    top1_agreement: {min: 0.9}
                    recovery: {default: {min: 0.95}, hellaswag: {min: 0.97, confidence: 0.9, metric: acc_norm, chance: 0.25}}
                    size_ratio: {bytes: {max: 0.75}}
                    speed_ratio: {decode_tokens_per_second: {min: 1.2}, time_to_first_token: {min: 1}}
                    golden_prompts: {min: 1, match: contains}
                """)
        #expect(rules.stages.keys.count == 2 && rules.stages[.canary] == nil)
        #expect(rules.stages[.poc] == [GateRule(.perplexityRatio, limit: 1.5)])
        let full = try #require(rules.stages[.full])
        #expect(full.count == 10)
        #expect(full[1] == GateRule(.perplexityRatio, subject: "news.txt", limit: 1.2))
        var hellaswag = GateRule(.recovery, subject: "hellaswag", limit: 0.97)
        (hellaswag.confidence, hellaswag.metric, hellaswag.chance) = (0.9, "acc_norm", 0.25)
        #expect(full[5] == hellaswag && full[4] == GateRule(.recovery, limit: 0.95))
        #expect(full[6].subject == "bytes" && full[9].match == .contains)
    }

    @Test(
        "wrong rules are refused with line and column",
        arguments: [
            ("version: 1\nstages:\n  full: {kll: {max: 1}}\n", "line 3, column 10", "did you mean kl?"),
            ("version: 1\nstages:\n  ful: {kl: {max: 1}}\n", "line 3, column 3", "did you mean full?"),
            ("version: 1\nstage: {}\n", "line 2, column 1", "did you mean stages?"),
            ("version: 1\nstages:\n  full: {kl: {min: 1}}\n", "line 3, column 15", nil),
            ("version: 1\nstages:\n  full: {kl: {max: \"1\"}}\n", "line 3, column 20 (max)", nil),
            ("version: 1\nstages:\n  full: {kl: {max: .nan}}\n", "line 3, column 20 (max)", nil),
            ("version: 1\nstages:\n  full: {kl: {max: -1}}\n", "line 3, column 20 (max)", nil),
            ("version: 1\nstages:\n  full: {kl: {}}\n", "line 3, column 14 (kl)", nil),
            ("version: 1\nstages:\n  full: {kl: 0.1}\n", "line 3, column 14 (kl)", nil),
            ("version: 1\nstages:\n  full: {}\n", "line 3, column 9 (full)", "give it a rule"),
            ("version: 2\nstages:\n  full: {kl: {max: 1}}\n", "line 1, column 10 (version)", nil),
            (
                "version: 1\nstages:\n  full: {recovery: {min: 0.9, confidence: 1}}\n",
                "line 3, column 43 (confidence)",
                nil
            ),
            (
                "version: 1\nstages:\n  full: {recovery: {min: 0.9, metric: word_perplexity}}\n",
                "line 3, column 39 (metric)", nil
            ),
            ("version: 1\nstages:\n  full: {size_ratio: {disk: {max: 1}}}\n", "line 3, column 23", nil),
            ("version: 1\nstages:\n  full: {golden_prompts: {default: {min: 1}}}\n", "line 3, column 27", nil),
            (
                "version: 1\nstages:\n  full: {golden_prompts: {min: 1, match: fuzzy}}\n", "line 3, column 42 (match)",
                nil
            ),
            ("version: 1\nstages:\n\tfull: {}\n", "line 3, column 1", "indent and separate with spaces"),
            ("version: 1\nstages:\n  full: {kl: {max: 1}, kl: {max: 2}}\n", "line 3, column 10", nil),
        ] as [(String, String, String?)])
    func wrong(yaml: String, place: String, advice: String?) {
        let found = fault(yaml)
        #expect(found?.kind == .badRecipe && found?.file == "gate.yaml")
        #expect(found?.place == place)
        if let advice { #expect(found?.advice == advice) }
    }

    @Test(
        "a file without version, stages or content is refused", arguments: ["", "version: 1\n", "stages: {}\n", "[]"])
    func incomplete(yaml: String) {
        #expect(fault(yaml)?.kind == .badRecipe)
    }

    @Test("a key with escapes does not reach the terminal")
    func hostileKey() {
        let found = fault("version: 1\nstages:\n  full: {\"\\e[31m\\0k\": {max: 1}}\n")
        #expect(found?.kind == .badRecipe && found?.description.contains("\u{1B}") == false)
        let value = fault("version: 1\nstages:\n  full: {kl: {\"\\e[31m\": {max: x}}}\n")
        #expect(value?.kind == .badRecipe && value?.description.contains("\u{1B}") == false)
    }

    @Test("the documented example is a rules file")
    func documented() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let text = try String(contentsOf: folder.appendingPathComponent("Documentation/Gate.md"), encoding: .utf8)
        let block = try #require(text.split(separator: "```yaml\n").dropFirst().first?.split(separator: "```").first)
        let rules = try GateRules(yaml: String(block))
        #expect(Set(rules.stages.keys) == Set(GateRules.Stage.allCases))
        let measures = rules.stages.values.flatMap { $0 }.map(\.measure)
        #expect(Set(measures) == Set(GateRule.Measure.allCases))
    }

    @Test("a stage without rules is not passed")
    func missingStage() throws {
        let rules = try GateRules(yaml: "version: 1\nstages: {poc: {kl: {max: 1}}}\n")
        let results = try EvaluationResults(parsing: Array("{\"perplexity\": {}}".utf8), file: "r.json")
        #expect(throws: Fault.self) { try QualityGate(results: results).verdict(rules, stage: .full) }
    }
}
