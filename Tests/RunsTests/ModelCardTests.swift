import Checkpoints
import Foundation
import JSONText
import RunSupport
import TestSupport
import Testing
import Yams

@testable import Runs

@Suite("The model card")
struct ModelCardTests {
    private func head(_ card: String) throws -> [String: Any] {
        let head = try #require(SourceCard.head(card))
        return try #require(try Yams.load(yaml: head) as? [String: Any])
    }

    private func card(_ bench: Bench) throws -> String {
        String(decoding: try #require(try bench.files("out")["README.md"]), as: UTF8.self)
    }

    @Test("without a source's card it claims no licence, language, data or base model")
    func nothingKnown() throws {
        let bench = try Bench()
        try bench.prune("out") { $0.method = "magnitude" }
        let text = try card(bench)
        let head = try head(text)
        #expect(Set(head.keys) == ["library_name", "pipeline_tag", "tags"])
        #expect(head["library_name"] as? String == "transformers")
        #expect(head["pipeline_tag"] as? String == "text-generation")
        #expect(head["tags"] as? [String] == ["pruned", "magnitude", "sparsity-50", "espalier"])
        for part in ["## Loading", "## Limits", "## Recipe", "method: magnitude", "espalier prune --recipe"] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test("licence, languages and data sets of the source's card are carried over, its other keys are not")
    func carriedOver() throws {
        let bench = try Bench()
        try bench.model.write(
            "README.md",
            """
            ---
            license: other
            license_name: "odd: #1"
            license_link: LICENSE
            language: [en, no]
            datasets:
            - owner/texts
            tags: [chat]
            model-index: []
            ---
            # A model
            """)
        try bench.prune("out") { $0.method = "magnitude" }
        let head = try head(try card(bench))
        #expect(head["license"] as? String == "other" && head["license_name"] as? String == "odd: #1")
        #expect(head["license_link"] as? String == "LICENSE")
        #expect(head["language"] as? [String] == ["en", "no"] && head["datasets"] as? [String] == ["owner/texts"])
        #expect(head["model-index"] == nil && head["base_model"] == nil)
        #expect((head["tags"] as? [String])?.contains("chat") == false)
    }

    @Test("the repository is named where the hub's own cache, or a GGUF file's metadata, names it")
    func repository() throws {
        let cached = SourceCard(markdown: "", path: "/c/models--owner--a.b-1/snapshots/abc/model.gguf")
        #expect(cached.repository == "owner/a.b-1")
        let metadata = SourceCard(
            markdown: "---\n{\"source_url\": \"https://huggingface.co/owner/name\"}\n---\n", path: "m.gguf")
        #expect(metadata.repository == "owner/name")
        for path in [
            "/c/models--x/snapshots/a", "/c/models--a--b--c/snapshots/a", "/c/owner/name", "models--a--b c/snapshots",
        ] {
            #expect(SourceCard(markdown: "", path: path).repository == nil, "\(path)")
        }
        for url in ["https://example.org/owner/name", "https://huggingface.co/a/b/c", "https://huggingface.co/a/<b>"] {
            let card = SourceCard(markdown: "---\nsource_url: '\(url)'\n---\n", path: "m")
            #expect(card.repository == nil, "\(url)")
        }
        let head = try head(CardHead(source: cached, method: "tyr", sparsity: nil, isPlain: false).text)
        #expect(head["base_model"] as? String == "owner/a.b-1" && head["base_model_relation"] as? String == "finetune")
        #expect(head["library_name"] == nil && head["tags"] as? [String] == ["pruned", "tyr", "espalier"])
    }

    @Test(
        "a source's card that is odd or hostile is left out or escaped, and never fails the run",
        arguments: [
            "", "no head", "---\nlicense: mit", "---\n: : :\n\t- [\n---\n", "---\n- a\n---\n",
            "---\nlicense: {a: b}\n---\n",
            "---\nlicense: [[a]]\n---\n", "---\nlicense: \"a\\nlibrary_name: x\"\n---\n", "---\nlicense: ''\n---\n",
            "---\nlicense: a\nlicense: b\n---\n",
            "---\nlicense: \(String(repeating: "x", count: 300))\n---\n",
            "---\nlicense: \(String(repeating: "[", count: 60_000))\n---\n",
            "---\na: &a [x,x]\nb: &b [*a,*a]\nlicense: [*b,*b]\n---\n",
        ])
    func odd(markdown: String) throws {
        let source = SourceCard(markdown: markdown, path: "model")
        let head = try head(CardHead(source: source, method: "wanda++", sparsity: 0.5, isPlain: true).text)
        #expect(Set(head.keys) == ["library_name", "pipeline_tag", "tags"])
        #expect(head["tags"] as? [String] == ["pruned", "wanda++", "sparsity-50", "espalier"])
    }

    @Test(
        "a text is the same after a YAML reader",
        arguments: [
            "apache-2.0", "yes", "no", "NULL", "1.0", "2020-01-01", "a: b", "a #b", "'", "\"", "\\", "- x", "<script>|",
            "é\u{1F600}",
            "\u{2028}\u{85}\u{7F}", "{a}", "!t", "&a", "*a", " x ", "1e5", "~", ".nan", "a\nb",
        ])
    func scalar(text: String) throws {
        let loaded = try Yams.load(yaml: "key: \(CardScalar.text(text))") as? [String: Any]
        #expect((loaded?["key"] as? String)?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }

    @Test("keys that could stand for more than they seem are left out, with one warning")
    func refusedEntries() {
        var bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
        for level in 1...9 {
            let (name, inner) = (Character(UnicodeScalar(UInt8(97 + level))), UnicodeScalar(UInt8(96 + level)))
            bomb += "\(name): &\(name) [" + Array(repeating: "*\(inner)", count: 9).joined(separator: ",") + "]\n"
        }
        let source = SourceCard(
            markdown: "---\n\(bomb)license: mit\nlanguage: &l [en]\ndatasets:\n- *l\n---\n", path: "model")
        #expect(source.fields.map(\.key) == ["license"])
        #expect(source.warnings.count == 1)
        #expect(source.warnings.first?.contains("language, datasets") == true)
        for mark in ["[", "- ", "? ", "{a: "] {
            let deep = String(repeating: mark, count: 5_000)
            #expect(SourceCard(markdown: "---\nlicense: \(deep)\n---\n", path: "model").fields.isEmpty)
            #expect(SourceCard(markdown: "---\nlicense:\n  \(deep)\n---\n", path: "model").fields.isEmpty)
        }
    }

    @Test("a head that is no YAML, and a card that cannot be read, are told")
    func unreadable() throws {
        let source = SourceCard(markdown: "---\nlicense: [mit\n---\n", path: "model")
        #expect(source.fields.isEmpty && source.warnings.count == 1)
        let bench = try Bench()
        try bench.model.write("README.md", "---\nlicense: mit\n---\n")
        let checkpoint = try Checkpoint.open(bench.model.path)
        #expect(SourceCard(checkpoint).warnings.isEmpty && SourceCard(checkpoint).fields.count == 1)
        try FileManager.default.removeItem(atPath: bench.model.path + "/README.md")
        #expect(SourceCard(checkpoint).warnings.first?.contains("all of it: the file does not exist") == true)
    }

    @Test("long texts beside the keys, and a block text as a value, are no hindrance")
    func longTexts() {
        let markdown = """
            ---
            extra_gated_prompt: >-
              A *long* text & more: [
            description: "one
              two"
            license: other
            license_link: >-
              https://example.com/license
            language:
            - en
            - 'de'
            ---
            """
        let source = SourceCard(markdown: markdown, path: "model")
        #expect(source.fields.map(\.key) == ["license", "license_link", "language"])
        #expect(source.fields.map(\.values) == [["other"], ["https://example.com/license"], ["en", "de"]])
        #expect(source.warnings.isEmpty)
    }
}
