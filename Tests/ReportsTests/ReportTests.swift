import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Reports

@Suite("Report")
struct ReportTests {
    private static let report = """
        {"method": "wanda++", "preset": "default", "pattern": "2:4", "sparsity": {"asked": 0.5, "achieved": 0.5},
         "parameters": {"before": 1000, "after": 600},
         "blocks": [{"index": 0, "error_before": 0.2, "error_after": 0.1, "sparsity": {"q": 0.5, "down": 0.25}},
                    {"index": 1, "error_before": null, "error_after": null, "sparsity": {"q": 0.5, "down": 0.75}}],
         "search": [{"step": "start", "kl": 1.5}, {"step": "round", "kl": 1.0}],
         "calibration": {"samples": 8, "sequence_length": 64, "seed": SEED, "tokens_sha256": "abc",
                         "sources": [{"file": "news.txt"}]}}
        """

    private func folder(
        _ name: String = "run", in work: TemporaryFolder, seed: Int = 0, ratio: Double = 1.05, agreement: Double = 0.9
    ) throws -> String {
        let path = work.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try work.write(name + "/report.json", ReportTests.report.replacing("SEED", with: "\(seed)"))
        try work.write(
            name + "/results.json",
            """
            {"perplexity": {"wiki.txt": {"value": \(20 * ratio), "tokens": 10}},
             "divergence": {"wiki.txt": {"kl": 0.125, "top1_agreement": \(agreement), "against_perplexity": 20.0}},
             "results": {"piqa": {"acc,none": 0.6, "acc_stderr,none": 0.02, "acc_norm,none": 0.65, "acc_norm_stderr,none": 0.03},
                         "boolq": {"acc,none": 0.5}}}
            """)
        try work.write(
            name + "/benchmark.json",
            """
            {"ratios": [{"prompt": 128, "batch": 1, "time_to_first_token": 1.25, "decode_tokens_per_second": 1.5}],
             "size_ratio": 0.6, "against": {"runs": [{"decode_tokens_per_second": {"median": 40.0}}]}}
            """)
        try work.write(name + "/recipe.yaml", "version: 1\n")
        return path
    }

    @Test("what the files tell is read")
    func reading() throws {
        let work = try TemporaryFolder()
        let run = try PublishedRun(folder: try folder(in: work))
        #expect(run.name == "run" && run.method == "wanda++" && run.pattern == "2:4" && run.parametersLeft == 0.6)
        #expect(run.text?.ratio == 1.05 && run.text?.kl == 0.125 && run.text?.topAgreement == 0.9)
        #expect(run.tasks.map(\.metric) == ["acc_norm", "acc"] && run.tasks.map(\.value) == [0.65, 0.5])
        #expect(run.tasks[0].standardError == 0.03 && run.tasks[1].standardError == nil)
        #expect(run.speeds == [.init(prompt: 128, batch: 1, denseTokensPerSecond: 40, decode: 1.5, firstToken: 1.25)])
        #expect(run.sizeRatio == 0.6 && run.seed == 0 && run.sources == ["news.txt"] && run.search.count == 2)
        #expect(run.blocks[1].errorAfter == nil && run.blocks[1].sparsity.map(\.fraction) == [0.5, 0.75])
    }

    @Test(
        "the verdict follows the limits",
        arguments: [
            (1.05, 0.9, Verdict.Decision.go), (1.05, 0.7, .canary), (1.2, 0.9, .canary), (1.4, 0.9, .noGo),
        ])
    func verdict(ratio: Double, agreement: Double, expected: Verdict.Decision) throws {
        let work = try TemporaryFolder()
        let run = try PublishedRun(folder: try folder(in: work, ratio: ratio, agreement: agreement))
        #expect(Verdict(run, limits: .init()).decision == expected)
    }

    @Test("without figures, or with figures that are no numbers, it never says go")
    func noFigures() throws {
        let work = try TemporaryFolder()
        let path = try folder(in: work)
        try work.write(
            "run/results.json",
            #"{"perplexity": {"t": {"value": null}}, "divergence": {"t": {"kl": null, "against_perplexity": 20.0}}}"#)
        #expect(Verdict(try PublishedRun(folder: path), limits: .init()).decision == .noGo)
        #expect(ReportPage([try PublishedRun(folder: path)]).html.contains("not numbers"))
        try FileManager.default.removeItem(atPath: path + "/results.json")
        try FileManager.default.removeItem(atPath: path + "/benchmark.json")
        let bare = try PublishedRun(folder: path)
        #expect(Verdict(bare, limits: .init()).decision == .unknown)
        #expect(ReportPage([bare]).html.contains("Speed was not measured"))
    }

    @Test("a page of three runs has every section, charts of its own, and asks nothing from outside")
    func page() throws {
        let work = try TemporaryFolder()
        let runs = try (0..<3).map { seed in
            try PublishedRun(folder: try folder("seed\(seed)", in: work, seed: seed, ratio: 1.05 + 0.02 * Double(seed)))
        }
        let page = ReportPage(runs)
        for title in [
            "Verdict", "Quality, size and speed", "The same again with other seeds and texts", "Tasks",
            "What each layer lost", "Progress of the search", "What it saves", "Calibration", "Rolling out, and back",
            "Environment and recipe",
        ] { #expect(page.html.contains("<h2>\(title)</h2>"), "\(title)") }
        // 20 · (1.05, 1.07, 1.09): mean 21.4, sample deviation 0.4.
        #expect(page.html.contains("21.40 ± 0.40") && page.html.contains("21.00 to 21.80"))
        for outside in ["http://", "src=", "@import", "url(", "fetch("] {
            #expect(!page.html.contains(outside), "\(outside)")
        }
        let links = page.html.split(separator: "https://").count - 1
        #expect(links == 0)
        #expect(page.specifications.map(\.name).prefix(3) == ["quality-against-size", "tasks", "layers-1"])
        for (_, json) in page.specifications {
            #expect(json.objectValue?["data"]?.objectValue?["values"]?.arrayValue?.isEmpty == false)
        }
    }

    @Test(
        "hostile text in any field stays text",
        arguments: [
            "<script>alert(1)</script>", "a|b\n\"'&<x onload=y>", "\u{202E}evil\u{1B}[31m",
            String(repeating: "x", count: 1 << 20),
        ])
    func hostile(text: String) throws {
        let work = try TemporaryFolder()
        var run = try PublishedRun(folder: try folder(in: work))
        run.name = text
        run.method = text
        run.pattern = text
        run.recipe = text
        run.texts[0].name = text
        run.tasks[0].name = text
        run.blocks[0].sparsity[0].linear = text
        run.search[0].step = text
        run.samples = [.init(prompt: text, dense: text, pruned: text)]
        var environment = JSONObject()
        environment[text] = .string(text)
        run.environment = environment
        run.calibration = JSONValue.object(["sources": .array([.object(["file": .string(text)])])]).objectValue
        let html = ReportPage([run]).html
        #expect(!html.contains("<script>alert") && !html.contains("<x onload") && !html.contains("\u{1B}"))
        #expect(!html.contains("\u{202E}") && html.utf8.count < 400_000)
        // One script, ours.
        #expect(html.split(separator: "<script>", omittingEmptySubsequences: false).count == 2)
    }

    @Test("a folder that is none, and a report that is none, are said")
    func faults() throws {
        let work = try TemporaryFolder()
        let missing = #expect(throws: Fault.self) { try PublishedRun(folder: work.path) }
        #expect(missing?.kind == .missingInput)
        let path = try folder(in: work)
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
        #expect(Figure.count(1_234_567) == "1,234,567" && Figure.count(-1000) == "−1,000" && Figure.count(12) == "12")
    }
}
