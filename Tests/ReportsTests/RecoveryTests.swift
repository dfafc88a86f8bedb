import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Reports

@Suite("Recovered runs on the page")
struct RecoveredRunTests {
    private let work: TemporaryFolder

    init() throws {
        work = try TemporaryFolder()
        _ = try RunFolder.make(in: work)
    }

    private let record = """
        {"loss": "kl", "trained": "all", "steps": 4, "steps_planned": 4, "best_step": 2, "tokens": 8192,
         "held_out": [{"step": 0, "kl": 2.5, "lm": 4}, {"step": 2, "kl": 1.25, "lm": 3.5}, {"step": 4, "kl": 1.5, "lm": 3}],
         "training_loss": [2.4, 2.0, 1.8, 1.4]}
        """

    private func write(_ change: (String) -> String = { $0 }) throws {
        try work.write("run/recovery.json", change(record))
    }

    /// What `recover --results` writes.
    private func writeCost(_ change: (String) -> String = { $0 }) throws {
        let cost = """
            {"training_seconds": 1203.2, "seconds": 1500, "peak_memory_bytes": 2000000000,
             "environment": {"cpu": "of the recovery", "threads": 2},
            """
        try work.write("run/recovery-cost.json", change(cost + record.dropFirst()))
    }

    /// Both folders' results: from 160 to 40 with a dense model at 10 on wiki.txt.
    private func writeResults(_ name: String, _ perplexity: Double, tokens: Int = 10, accuracy: Double = 0.6) throws {
        func task(_ value: Double) -> String { "{\"acc,none\": \(value), \"acc_stderr,none\": 0.03}" }
        try work.write(
            name + "/results.json",
            """
            {"perplexity": {"wiki.txt": {"value": \(perplexity), "tokens": \(tokens), "context": 5},
                            "\(name).txt": {"value": 12, "tokens": 10}},
             "divergence": {"wiki.txt": {"kl": \(perplexity / 100), "top1_agreement": 0.5, "against_perplexity": 10}},
             "results": {"piqa": \(task(accuracy)), "arc": \(task(0.5)), "mmlu_a": \(task(accuracy - 0.3))},
             "group_subtasks": {"mmlu": ["mmlu_a"]}, "n-samples": {"piqa": {"effective": 200}},
             "against_results": {"piqa": \(task(0.7)), "arc": \(task(0.55))}}
            """)
    }

    private func page(recipe: String? = nil) throws -> ReportPage {
        _ = try RunFolder.make("pruned", in: work)
        try write()
        if let recipe { try work.write("run/recovery.yaml", recipe) }
        try writeResults("pruned", 160, accuracy: 0.56)
        try writeResults("run", 40)
        return ReportPage(
            [try PublishedRun(folder: work.path + "/pruned"), try PublishedRun(folder: work.path + "/run")])
    }

    private func recovery(_ page: ReportPage) throws -> JSONObject {
        let json = try #require(page.json.objectValue?["runs"]?.arrayValue)
        let recoveries = json.compactMap { $0.objectValue?["recovery"]?.objectValue }
        return try #require(recoveries.first)
    }

    @Test("beside the pruned run the page shows what was won back", arguments: [true, false])
    func gain(hasRecipe: Bool) throws {
        // A third run with the same report would be in the way of telling the origin by it.
        let recipe = "version: 1\nmodel: {path: ../pruned, teacher: ../dense}\n"
        let page = try page(recipe: hasRecipe ? recipe : nil)
        let html = page.html
        #expect(html.contains("dense → after pruning → after recovery"))
        #expect(html.contains("<td data-label=\"gap closed\">50.0 %</td>"))
        #expect(
            html.contains("<td data-label=\"KL after pruning\">1.6000</td><td data-label=\"KL after recovery\">0.4000"))
        #expect(html.contains("<td data-label=\"change\">+4.0 % ± 4.2 %</td>"))
        // (0.56 + 0.5) / 2 and (0.6 + 0.5) / 2: the part of a group does not count by itself.
        #expect(html.contains("mean of 2</td>") && html.contains("+2.0 % ± 3.0 %"))
        #expect(html.contains("not compared: run.txt and pruned.txt."))
        let recovery = try recovery(page)
        #expect(recovery["pruned"]?.stringValue == "pruned")
        let text = try #require(recovery["texts"]?.arrayValue?.first?.objectValue)
        #expect(text["gap_closed"]?.doubleValue == 0.5 && text["dense_perplexity"]?.doubleValue == 10)
        let change = recovery["tasks"]?.arrayValue?.first?.objectValue?["change"]?.doubleValue
        #expect(change.map { abs($0 - 0.04) < 1e-12 } == true)
    }

    @Test("other tokens or another dense model are not compared")
    func notCompared() throws {
        _ = try page()
        try writeResults("run", 40, tokens: 11)
        let runs = try ["pruned", "run"].map { try PublishedRun(folder: work.path + "/" + $0) }
        let html = ReportPage(runs).html
        #expect(!html.contains("gap closed") && html.contains("not compared: wiki.txt, run.txt and pruned.txt."))
    }

    @Test("two runs of the same report do not tell which one was recovered, unless the recipe does")
    func ambiguous() throws {
        _ = try page()
        _ = try RunFolder.make("other", in: work)
        let names = ["pruned", "other", "run"]
        func runs() throws -> [PublishedRun] { try names.map { try PublishedRun(folder: work.path + "/" + $0) } }
        #expect(ReportPage(try runs()).html.contains("give the pruned folder to"))
        try work.write("run/recovery.yaml", "version: 1\nmodel: {path: ../other}\n")
        #expect(try recovery(ReportPage(try runs()))["pruned"]?.stringValue == "other")
    }

    @Test("what it cost is shown where it was kept")
    func cost() throws {
        try write()
        #expect(
            ReportPage([try PublishedRun(folder: work.path + "/run")]).html.contains("Time and memory were not kept"))
        try writeCost()
        let page = ReportPage([try PublishedRun(folder: work.path + "/run")])
        let html = page.html
        #expect(html.contains("20 min 3 s") && html.contains("25 min 0 s") && html.contains("2.00 GB"))
        #expect(html.contains("of the recovery, 2 threads"))
        #expect(try recovery(page)["training_seconds"]?.doubleValue == 1203.2)
    }

    @Test("the cost of another recovery, or none, is refused")
    func otherCost() throws {
        try write()
        func refused(_ change: (String) -> String) throws -> Fault? {
            try writeCost(change)
            return #expect(throws: Fault.self) { try PublishedRun(folder: work.path + "/run") }
        }
        #expect(try refused { $0.replacing("1.4]", with: "1.5]") }?.kind == .notComparable)
        #expect(try refused { $0.replacing("\"seconds\"", with: "\"hours\"") }?.expected == "seconds")
        #expect(try refused { $0.replacing("2000000000", with: "-1") }?.kind == .badData)
    }

    @Test("durations are written as people say them")
    func durations() {
        let texts = [0, 12.34, 59.96, 1203.2, 3900, 1e13, -1].map { Figure.duration($0) }
        #expect(texts == ["0.0 s", "12.3 s", "1 min 0 s", "20 min 3 s", "1 h 5 min", "–", "–"])
    }

    @Test("the page shows what training gave and the curve")
    func shown() throws {
        try write()
        let run = try PublishedRun(folder: work.path + "/run")
        let losses = try #require(run.recovery?.losses)
        #expect(losses.before == 2.5 && losses.after == 1.25 && losses.training.count == 4)
        let page = ReportPage([run])
        let html = page.html
        #expect(html.contains("Training after pruning") && html.contains("4 steps, 8,192 tokens"))
        #expect(html.contains("from 2.500 to 1.250 nats a token") && html.contains("held out: 1.2500, written"))
        #expect(page.specifications.contains { $0.name == "recovery-1" })
        let json = page.json.text(pretty: false)
        #expect(json.contains("\"held_out_after\":1.25"))
    }

    @Test("a recovered run is no repeat of the pruned one")
    func groups() throws {
        let pruned = try PublishedRun(folder: try RunFolder.make("pruned", in: work))
        try write()
        let recovered = try PublishedRun(folder: work.path + "/run")
        let groups = RunGroup.groups([pruned, recovered]) { $0.text }
        #expect(groups.map(\.setting) == ["wanda++ 50.0 %, 2:4", "wanda++, recovered 50.0 %, 2:4"])
    }

    @Test("a run without one has no such section")
    func absent() throws {
        let page = ReportPage([try PublishedRun(folder: work.path + "/run")])
        #expect(!page.html.contains("Training after pruning"))
    }

    @Test("the sum of two losses is shown as one")
    func both() throws {
        try write { $0.replacing("\"loss\": \"kl\"", with: "\"loss\": \"kl+lm\"") }
        #expect(try PublishedRun(folder: work.path + "/run").recovery?.losses.before == 6.5)
    }

    @Test(
        "a damaged record is refused by its key",
        arguments: [
            ("\"steps\": 4", "\"steps\": -4", "steps"), ("\"step\": 2", "\"stop\": 2", "held_out"),
            ("\"loss\"", "\"lost\"", "loss"),
        ])
    func damaged(from: String, to: String, key: String) throws {
        try write { $0.replacing(from, with: to) }
        do {
            _ = try PublishedRun(folder: work.path + "/run")
            Issue.record("nothing was refused")
        } catch {
            #expect(error.kind == .badData && error.file?.hasSuffix("recovery.json") == true)
            #expect(error.expected?.hasPrefix(key) == true)
        }
    }
}
