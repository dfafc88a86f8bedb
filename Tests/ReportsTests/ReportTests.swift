import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Reports

@Suite("Report")
struct ReportTests {
    @Test("what the files tell is read")
    func reading() throws {
        let work = try TemporaryFolder()
        let run = try PublishedRun(folder: try RunFolder.make(in: work))
        #expect(run.name == "run" && run.method == "wanda++" && run.pattern == "2:4" && run.parametersLeft == 0.6)
        #expect(run.text?.ratio == 1.05 && run.text?.kl == 0.125 && run.text?.topAgreement == 0.9)
        #expect(run.tasks.map(\.metric) == ["acc_norm", "acc"] && run.tasks.map(\.value) == [0.65, 0.5])
        #expect(run.tasks[0].standardError == 0.03 && run.tasks[1].standardError == nil)
        let speed = try #require(run.speeds.first)
        #expect(run.speeds.count == 1 && speed.prompt == 128 && speed.batch == 1 && speed.denseTokensPerSecond == 40)
        #expect(speed.decode.value == 1.5 && speed.firstToken.value == 1.25 && speed.decode.standing == .faster)
        // 57 to 63 over 38 to 42.
        let range = try #require(speed.decode.range)
        #expect(abs(range.lowerBound - 57.0 / 42) < 1e-12 && abs(range.upperBound - 63.0 / 38) < 1e-12)
        #expect(run.source == "models/dense.gguf" && run.sourceName == "dense.gguf" && run.denseBytes == 1000)
        #expect(run.sizeRatio == 0.6 && run.seed == 0 && run.sources == ["news.txt"] && run.search.count == 2)
        #expect(run.blocks[1].errorAfter == nil && run.blocks[1].sparsity.map(\.value) == [0.5, 0.75])
        #expect(run.blocks[0].linearErrors.map(\.value) == [0.02, 0.08] && run.blocks[1].linearErrors.isEmpty)
    }

    @Test(
        "more than a page can show is refused, and as much is not",
        arguments: [
            ("report.json", #""search": ["#, #"{"step": "round", "kl": 1}"#),
            ("report.json", #""blocks": ["#, #"{"sparsity": {"q": 0.5}}"#),
            ("results.json", #""samples": ["#, #"{"prompt": "p", "dense": "d", "pruned": "q", "kl": 1}"#),
        ])
    func tooMuch(file: String, key: String, entry: String) throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        let text = try String(contentsOfFile: path + "/" + file, encoding: .utf8)
        let start = try #require(text.range(of: key)).upperBound
        let others = try JSONValue(parsing: text).objectValue?[key.split(separator: "\"").map(String.init)[0]]?
            .arrayValue
        for more in [0, 1] {
            let count = PublishedRun.most + more - (others?.count ?? 0)
            let list = Array(repeating: entry, count: count).joined(separator: ",") + ","
            try work.write("run/" + file, String(text[..<start]) + list + String(text[start...]))
            if more == 0 {
                _ = try PublishedRun(folder: path)
            } else {
                let fault = #expect(throws: Fault.self) { try PublishedRun(folder: path) }
                #expect(fault?.kind == .badData && fault?.found == "\(PublishedRun.most + 1)" && fault?.file == path)
            }
        }
    }

    @Test("a log of prompts counts as a text: it has a verdict, and stands behind the texts")
    func logsOfPrompts() throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        let log = #"{"kl": 0.02, "top1_agreement": 0.95, "perplexity": 10.5, "against_perplexity": 10.0}"#
        try work.write("run/results.json", #"{"perplexity": {}, "prompts": {"log.jsonl": \#(log)}}"#)
        let run = try PublishedRun(folder: path)
        #expect(run.texts.map(\.name) == ["log.jsonl"] && run.text?.ratio == 1.05 && run.text?.kl == 0.02)
        #expect(ReportPage([run]).verdict(run).decision == .go)
        try work.write(
            "run/results.json",
            #"{"perplexity": {"wiki.txt": {"value": 21}}, "divergence": {"wiki.txt": {"against_perplexity": 20}}, "prompts": {"log.jsonl": \#(log)}}"#
        )
        let both = try PublishedRun(folder: path)
        #expect(both.texts.map(\.name) == ["wiki.txt", "log.jsonl"] && both.text?.name == "wiki.txt")
        #expect(ReportPage([both]).html.contains("log.jsonl"))
    }

    @Test(
        "the verdict follows the limits",
        arguments: [
            (1.05, 0.9, Verdict.Decision.go), (1.05, 0.7, .canary), (1.2, 0.9, .canary), (1.4, 0.9, .noGo),
        ])
    func verdict(ratio: Double, agreement: Double, expected: Verdict.Decision) throws {
        let work = try TemporaryFolder()
        let run = try PublishedRun(folder: try RunFolder.make(in: work, ratio: ratio, agreement: agreement))
        #expect(ReportPage([run]).verdict(run).decision == expected)
    }

    @Test("without figures, or with figures that are no numbers, it never says go")
    func noFigures() throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        try work.write(
            "run/results.json",
            #"{"perplexity": {"t": {"value": null}}, "divergence": {"t": {"kl": null, "against_perplexity": 20.0}}}"#)
        let broken = try PublishedRun(folder: path)
        #expect(ReportPage([broken]).verdict(broken).decision == .noGo)
        #expect(ReportPage([broken]).html.contains("NaN or infinite"))
        try FileManager.default.removeItem(atPath: path + "/results.json")
        try FileManager.default.removeItem(atPath: path + "/benchmark.json")
        let bare = try PublishedRun(folder: path)
        #expect(ReportPage([bare]).verdict(bare).decision == .unknown)
        #expect(ReportPage([bare]).html.contains("Speed was not measured"))
    }

    @Test("a page of three runs has every section, charts of its own, and asks nothing from outside")
    func page() throws {
        let work = try TemporaryFolder()
        let runs = try (0..<3).map { seed in
            try PublishedRun(
                folder: try RunFolder.make("seed\(seed)", in: work, seed: seed, ratio: 1.05 + 0.02 * Double(seed)))
        }
        let page = ReportPage(runs)
        for title in [
            "Verdict", "Quality, size and speed", "The runs", "Calibration texts and seeds", "Tasks",
            "What each layer lost",
            "Progress of the search", "Side by side", "What it saves", "Calibration", "Environment and recipe",
            "Go or no-go: rolling out, and back",
        ] { #expect(page.html.contains("<h2>\(title)</h2>"), "\(title)") }
        // 20 · (1.05, 1.07, 1.09): mean 21.4, sample deviation 0.4.
        #expect(page.html.contains("21.40 ± 0.40") && page.html.contains("21.00 to 21.80"))
        for outside in ["http://", "src=", "@import", "url(", "fetch("] {
            #expect(!page.html.contains(outside), "\(outside)")
        }
        let links = page.html.split(separator: "https://").count - 1
        #expect(links == 0)
        #expect(
            page.specifications.map(\.name).prefix(4) == [
                "quality-against-weights", "quality-against-size", "quality-against-speed", "spread",
            ])
        for (_, json) in page.specifications {
            #expect(json.objectValue?["data"]?.objectValue?["values"]?.arrayValue?.isEmpty == false)
        }
    }

    @Test("the map of the layers shows what is gone and, where it was measured, each linear's error")
    func heatMap() throws {
        let work = try TemporaryFolder()
        let run = try PublishedRun(folder: try RunFolder.make(in: work))
        let chart = try #require(Charts.heatMap(run))
        for words in [
            "layer 0, q: 50.0 % removed", "layer 1, down: 75.0 % removed", "layer 0, q: error 0.0200",
            "layer 0, down: error 0.0800", "layer 0: error 0.1000", "100 % removed", "error 0.080<",
        ] { #expect(chart.svg.contains(words), "\(words)") }
        #expect(!chart.svg.contains("layer 1, q: error"))
        let object = try #require(chart.specification.objectValue)
        #expect(object["vconcat"]?.arrayValue?.count == 3)
        let values = try #require(object["data"]?.objectValue?["values"]?.arrayValue).compactMap(\.objectValue)
        #expect(values.compactMap { $0["removed"]?.doubleValue } == [0.5, 0.5, 0.25, 0.75])
        #expect(values.compactMap { $0["linear_error"]?.doubleValue } == [0.02, 0.08])

        var bare = run
        for index in bare.blocks.indices { bare.blocks[index].linearErrors = [] }
        let plain = try #require(Charts.heatMap(bare))
        #expect(plain.specification.objectValue?["vconcat"]?.arrayValue?.count == 2 && !plain.svg.contains("q: error"))
    }

    @Test(
        "hostile text in any field stays text",
        arguments: [
            "<script>alert(1)</script>", "a|b\n\"'&<x onload=y>", "\u{202E}evil\u{1B}[31m",
            String(repeating: "x", count: 1 << 20),
        ])
    func hostile(text: String) throws {
        let work = try TemporaryFolder()
        let page = ReportPage([try RunFolder.makeHostile(text, in: work)])
        let html = page.html
        #expect(!html.contains("<script>alert") && !html.contains("<x onload") && !html.contains("\u{1B}"))
        #expect(!html.contains("\u{202E}") && html.utf8.count < 400_000)
        for (_, json) in page.specifications { #expect(json.text().utf8.count < 10_000) }
        // One script, ours.
        #expect(html.split(separator: "<script>", omittingEmptySubsequences: false).count == 2)
    }

    @Test("a folder that is none, and a report that is none, are said")
    func faults() throws {
        let work = try TemporaryFolder()
        let missing = #expect(throws: Fault.self) { try PublishedRun(folder: work.path) }
        #expect(missing?.kind == .missingInput)
        let path = try RunFolder.make(in: work)
        try work.write("run/report.json", "{\"method\": 3}")
        let lacking = #expect(throws: Fault.self) { try PublishedRun(folder: path) }
        #expect(lacking?.kind == .badData && lacking?.file?.hasSuffix("report.json") == true)
        try work.write("run/report.json", "[1")
        #expect(throws: Fault.self) { try PublishedRun(folder: path) }
    }

    @Test("figures are rounded, grouped and never scientific")
    func figures() {
        #expect(Figure.fixed(1.005, 2) == "1.00" || Figure.fixed(1.005, 2) == "1.01")
        #expect(
            Figure.fixed(-0.04, 1) == "0.0" && Figure.fixed(-2.25, 1) == "−2.3" && Figure.fixed(9.999, 2) == "10.00")
        #expect(Figure.fixed(.nan, 2) == "–" && Figure.fixed(nil, 2) == "–" && Figure.fixed(1e300, 2) == "> 10⁹")
        #expect(
            Figure.digits(showing: 0.4) == 2 && Figure.digits(showing: 0.0032) == 3 && Figure.digits(showing: 0) == 2)
        #expect(
            Figure.bytes(1_044_992) == "1.04 MB" && Figure.bytes(1) == "1 byte" && Figure.bytes(999_999) == "1.00 MB")
        #expect(Figure.count(1_234_567) == "1,234,567" && Figure.count(-1000) == "−1,000" && Figure.count(12) == "12")
    }
}
