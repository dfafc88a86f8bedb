import Faults
import JSONText
import TestSupport
import Testing

@testable import Gate
@testable import Reports

@Suite("A gate's verdict on the page")
struct GateVerdictTests {
    private func verdict(_ stage: String, _ outcomes: [GateVerdict.Outcome]) -> GateVerdict {
        GateVerdict(
            stage: stage,
            checks: outcomes.map {
                .init(rule: "kl", subject: "wiki", outcome: $0, value: 0.5, limit: "at most 0.2", reason: "it is 0.5")
            }, notes: ["a note"])
    }

    @Test("what the gate wrote is read back as it was")
    func reading() throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        let written = verdict("canary", [.passed, .failed])
        try work.write("run/gate.json", written.json.text())
        #expect(try PublishedRun(folder: path).gate == written)
    }

    @Test(
        "it goes before the page's own limits, and the page says whose it is",
        arguments: [
            ("full", [GateVerdict.Outcome.passed], Verdict.Decision.go), ("canary", [.passed, .passed], .canary),
            ("poc", [.passed], .poc), ("full", [.passed, .failed], .noGo),
            ("full", [.failed, .notComparable], .unknown),
            ("full", [], .unknown), ("another", [.passed], .unknown),
        ])
    func decision(stage: String, outcomes: [GateVerdict.Outcome], expected: Verdict.Decision) throws {
        let work = try TemporaryFolder()
        // By its figures this one is a no-go.
        var run = try PublishedRun(folder: try RunFolder.make(in: work, ratio: 3))
        run.gate = verdict(stage, outcomes)
        let page = ReportPage([run])
        #expect(page.verdict(run).decision == expected && page.verdict(run).origin == .gate(stage: stage))
        let html = page.html
        #expect(html.contains("stage <b>\(stage)</b> (gate.json)") && html.contains("Note: a note"))
        #expect(html.contains("<b>kl</b> (wiki), at most 0.2: it is 0.5") == outcomes.contains { $0 != .passed })
        #expect(!html.contains("This page's own limits"))
        run.gate = nil
        #expect(ReportPage([run]).html.contains("This page's own limits"))
    }

    @Test(
        "a file that is none, or whose verdict does not follow from its checks, is refused",
        arguments: [
            "{}", "[]", #"{"stage": "full"}"#, #"{"stage": "full", "verdict": "pass", "checks": [{}]}"#,
            #"{"stage": "full", "verdict": "pass", "checks": []}"#,
            #"{"stage": "full", "verdict": "pass", "checks": [{"rule": "kl", "outcome": "fail"}]}"#,
        ])
    func refused(text: String) throws {
        let work = try TemporaryFolder()
        let path = try RunFolder.make(in: work)
        try work.write("run/gate.json", text)
        let fault = #expect(throws: Fault.self) { try PublishedRun(folder: path) }
        #expect(fault?.kind == .badData && fault?.file?.hasSuffix("gate.json") == true)
    }
}
