import Faults
import Foundation
import Gate
import Reports

enum InputBytes {
    static func of(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
    /// A file of this package.
    static func committed(_ name: String) -> [UInt8] {
        do { return try of(FuzzTarget.home + "/" + name) } catch { fatalError("\(name) cannot be read: \(error)") }
    }
}

/// Evidence and rules of the gate, and what a report is made of.
nonisolated(unsafe) let gateTargets: [FuzzTarget] = [
    FuzzTarget("gate-rules", .yaml) { bytes, scratch in
        try judge(rules: try GateRules(contentsOf: scratch.write("gate.yaml", bytes)))
    },
    FuzzTarget("results", .json) { bytes, _ in
        try judge(results: try EvaluationResults(parsing: bytes, file: "results.json"))
    },
    FuzzTarget("baseline", .json) { bytes, _ in
        try judge(baseline: try EvaluationResults(parsing: bytes, file: "dense.json"))
    },
    FuzzTarget("golden", .json) { bytes, _ in
        try judge(golden: try GoldenAnswers(parsing: bytes, file: "golden.json"))
    },
    FuzzTarget("speed", .json) { bytes, _ in
        try judge(benchmark: try BenchmarkResults(parsing: bytes, file: "benchmark.json"))
    },
    FuzzTarget("sizes", .json) { bytes, _ in
        try judge(report: try SizeReport(parsing: bytes, file: "report.json"))
    },
    FuzzTarget("run-report", .json) { bytes, scratch in
        try page(scratch, "report.json", bytes)
    },
    FuzzTarget("run-results", .json) { bytes, scratch in
        try page(scratch, "results.json", bytes)
    },
    FuzzTarget("run-export", .json) { bytes, scratch in
        try page(scratch, "export-q4.json", bytes)
    },
    FuzzTarget("run-gate", .json) { bytes, scratch in
        try page(scratch, "gate.json", bytes)
    },
]

private func judge(
    rules: GateRules? = nil, results: EvaluationResults? = nil, baseline: EvaluationResults? = nil,
    report: SizeReport? = nil, benchmark: BenchmarkResults? = nil, golden: GoldenAnswers? = nil
) throws {
    let usual = try Evidence.usual.get()
    let gate = QualityGate(
        results: results ?? usual.results, baseline: baseline ?? usual.baseline, report: report ?? usual.report,
        benchmark: benchmark ?? usual.benchmark, golden: golden ?? usual.golden)
    for stage in [GateRules.Stage.poc, .canary, .full] {
        do throws(Fault) {
            let verdict = try gate.verdict(rules ?? usual.rules, stage: stage, rulesFile: "gate.yaml")
            _ = JUnitReport.text(verdict)
            _ = MarkdownSummary.text(verdict)
            _ = verdict.json.text()
        } catch { FuzzTarget.check(error) }
    }
}

/// The evidence that is not being changed.
private struct Evidence {
    let rules: GateRules
    let results: EvaluationResults
    let baseline: EvaluationResults
    let report: SizeReport
    let benchmark: BenchmarkResults
    let golden: GoldenAnswers

    nonisolated(unsafe) static let usual = Result { try Evidence() }

    private init() throws {
        let folder = "Base/evidence/"
        rules = try GateRules(contentsOf: FuzzTarget.home + "/" + folder + "gate.yaml")
        results = try EvaluationResults(parsing: InputBytes.committed(folder + "results.json"), file: "results.json")
        baseline = try EvaluationResults(parsing: InputBytes.committed(folder + "dense.json"), file: "dense.json")
        report = try SizeReport(parsing: InputBytes.committed(folder + "report.json"), file: "report.json")
        benchmark = try BenchmarkResults(
            parsing: InputBytes.committed(folder + "benchmark.json"), file: "benchmark.json")
        golden = try GoldenAnswers(parsing: InputBytes.committed(folder + "golden.json"), file: "golden.json")
    }
}

/// Makes the page of a run whose one file is changed.
private func page(_ scratch: Scratch, _ name: String, _ bytes: [UInt8]) throws {
    let folder = scratch.folder("run-" + name, from: "Base/evidence", with: name, bytes)
    let html = ReportPage([try PublishedRun(folder: folder)]).html
    precondition(html.utf8.count < 64 << 20, "a page of \(html.utf8.count) bytes")
}
