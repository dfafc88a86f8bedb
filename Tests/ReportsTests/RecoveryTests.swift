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

    private func write(_ change: (String) -> String = { $0 }) throws {
        let text = """
            {"loss": "kl", "trained": "all", "steps": 4, "steps_planned": 4, "best_step": 2, "tokens": 8192,
             "held_out": [{"step": 0, "kl": 2.5, "lm": 4}, {"step": 2, "kl": 1.25, "lm": 3.5}, {"step": 4, "kl": 1.5, "lm": 3}],
             "training_loss": [2.4, 2.0, 1.8, 1.4]}
            """
        try work.write("run/recovery.json", change(text))
    }

    @Test("the page shows what training gave and the curve")
    func shown() throws {
        try write()
        let run = try PublishedRun(folder: work.path + "/run")
        #expect(run.recovery?.before == 2.5 && run.recovery?.after == 1.25 && run.recovery?.training.count == 4)
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
        #expect(try PublishedRun(folder: work.path + "/run").recovery?.before == 6.5)
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
