import Foundation
import JSONText
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@testable import Gate

/// What is written, whatever stands in the results.
struct GateOutputTests {
    private static let hostile = [
        "<script>alert(1)</script>", "a|b", "line\nbreak\r\n# heading", "]]>&amp;\"'", "\u{1B}[31mred\u{0}\u{8}",
        "\u{202E}gnp.exe", "@everyone [x](http://evil) ![y](z) www.evil.org", "`code` **bold** _it_ ~~s~~",
        String(repeating: "x", count: 1 << 20), "\u{FFFE}\u{FFFF}", "",
    ]

    private func verdict(_ name: String) throws -> GateVerdict {
        let results = JSONValue.object([
            "divergence": .object(
                {
                    var object = JSONObject()
                    object[name] = .object(["kl": .double(0.5)])
                    return object
                }()),
            "perplexity": .object([:]),
        ])
        let golden = JSONValue.object([
            "prompts": .array([
                .object([
                    "name": .string(name), "prompt": .string(name), "expected": .string(name + "1"),
                    "answer": .string(name + "2"),
                ])
            ])
        ])
        return try QualityGate(
            results: try EvaluationResults(parsing: Array(results.text().utf8), file: "r"),
            golden: try GoldenAnswers(parsing: Array(golden.text().utf8), file: "g")
        ).verdict(
            try GateRules(yaml: "version: 1\nstages: {poc: {kl: {max: 0.1}, golden_prompts: {min: 1}}}"), stage: .poc)
    }

    /// Element names and attributes of a document.
    private final class Reader: NSObject, XMLParserDelegate {
        var elements: [(name: String, attributes: [String: String])] = []
        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String] = [:]
        ) { elements.append((name, attributes)) }
    }

    @Test("hostile names give well-formed XML of the same form", arguments: hostile.indices)
    func xml(index: Int) throws {
        let text = JUnitReport.text(try verdict(GateOutputTests.hostile[index]))
        let parser = XMLParser(data: Data(text.utf8))
        let reader = Reader()
        parser.delegate = reader
        #expect(parser.parse())
        #expect(
            reader.elements.map(\.name) == [
                "testsuites", "testsuite", "testcase", "failure", "testcase", "failure",
            ])
        #expect(reader.elements[1].attributes["tests"] == "2" && reader.elements[1].attributes["failures"] == "2")
        #expect(text.utf8.count < 10_000)
    }

    @Test("hostile names give a table of the same form", arguments: hostile.indices)
    func markdown(index: Int) throws {
        let text = MarkdownSummary.text(try verdict(GateOutputTests.hostile[index]))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 7)
        for row in lines[2...5] { #expect(row.count { $0 == "|" } == 6) }
        for markup in ["<", "`", "[", "](", "**", "~~", "://", "www.", "\u{1B}", "\u{202E}"] {
            #expect(!text.contains(markup), "\(markup)")
        }
        #expect(text.utf8.count < 20_000)
    }

    @Test("hostile names give JSON that reads back", arguments: hostile.indices)
    func json(index: Int) throws {
        let value = try JSONValue(parsing: try verdict(GateOutputTests.hostile[index]).json.text())
        #expect(value.objectValue?["verdict"]?.stringValue == "fail")
        #expect(value.objectValue?["checks"]?.arrayValue?.count == 2)
    }

    @Test("passes, failures and errors are counted")
    func counts() throws {
        let results = try EvaluationResults(
            parsing: Array("{\"divergence\": {\"a\": {\"kl\": 0.5, \"top1_agreement\": 0.9}}}".utf8), file: "r")
        let rules = try GateRules(
            yaml: "version: 1\nstages: {full: {kl: {max: 0.1}, top1_agreement: {min: 0.5}, size_ratio: {max: 1}}}")
        let verdict = try QualityGate(results: results).verdict(rules, stage: .full)
        #expect(JUnitReport.text(verdict).contains("tests=\"3\" failures=\"1\" errors=\"1\""))
        #expect(MarkdownSummary.text(verdict).hasPrefix("## Quality gate, stage full: not comparable\n"))
    }
}
