import Faults
import TestSupport
import Testing
import Yams

@testable import Reports

@Suite("The model card with results")
struct ResultsCardTests {
    private static let readme = "---\nlicense: mit\ntags:\n- pruned\n---\n\n# Pruned model\n\n## Recipe\n\nend\n"

    private func head(_ card: String) throws -> [String: Any] {
        let parts = card.components(separatedBy: "\n---\n")
        return try #require(try Yams.load(yaml: String(parts[0].dropFirst(4))) as? [String: Any])
    }

    private func results(_ head: [String: Any]) throws -> (name: String, results: [[String: Any]]) {
        let entry = try #require((head["model-index"] as? [[String: Any]])?.first)
        return (try #require(entry["name"] as? String), try #require(entry["results"] as? [[String: Any]]))
    }

    @Test("holds the figures in its head, a table before the recipe, and what stood there")
    func card() throws {
        let work = try TemporaryFolder()
        let run = try PublishedRun(folder: try RunFolder.make(in: work))
        let text = try ResultsCard(run).text(readme: ResultsCardTests.readme, file: "README.md")
        let head = try head(text)
        #expect(head["license"] as? String == "mit" && head["tags"] as? [String] == ["pruned"])
        let (name, results) = try results(head)
        #expect(name == "run" && results.count == 3)
        #expect(((results[0]["metrics"] as? [[String: Any]])?.first)?["value"] as? Double == 21)
        #expect(((results[1]["metrics"] as? [[String: Any]])?.first)?["type"] as? String == "acc_norm")
        #expect((results[1]["dataset"] as? [String: Any])?["name"] as? String == "piqa")
        #expect(text.contains("| piqa | acc_norm | 0.700 | 0.650 ± 0.030 |"))
        #expect(text.contains("| wiki.txt | perplexity | 20.00 | 21.00 |"))
        #expect(text.hasSuffix("| weight files | size | 1 | 0.60 |\n\n## Recipe\n\nend\n"))
    }

    @Test(
        "hostile names stay names",
        arguments: ["a|b\nmodel-index: x\n---\n\"<b>", "\u{85}\u{2028}\u{7F}\u{FFFE}", "- {a: b}"])
    func hostile(text: String) throws {
        let work = try TemporaryFolder()
        let run = try RunFolder.makeHostile(text, in: work)
        let card = try ResultsCard(run).text(readme: ResultsCardTests.readme, file: "README.md")
        let head = try head(card)
        #expect(Set(head.keys) == ["license", "tags", "model-index"])
        // After the head, where a name would be markup.
        #expect(!card.components(separatedBy: "\n# Pruned model").dropFirst().joined().contains("<b>"))
        #expect(try results(head).results.count == 3)
    }

    @Test("nothing measured, a card without a head and one with results are refused")
    func refused() throws {
        let work = try TemporaryFolder()
        let broken = ResultsCard(try RunFolder.makeBroken(in: work))
        let none = #expect(throws: Fault.self) { try broken.text(readme: ResultsCardTests.readme, file: "README.md") }
        #expect(none?.kind == .missingInput)
        let run = ResultsCard(try PublishedRun(folder: try RunFolder.make(in: work)))
        for readme in ["", "# Model", "---\nlicense: mit\n", "---\na: b\nmodel-index: []\n---\n"] {
            let fault = #expect(throws: Fault.self) { try run.text(readme: readme, file: "README.md") }
            #expect(fault?.kind == .badData)
        }
    }
}
