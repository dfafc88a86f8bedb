import EspalierKit
import Foundation
import TestSupport
import Testing

/// What the verbs do, without a command line: `import EspalierKit` is enough.
@Suite("The kit alone")
struct KitTests {
    private let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 40)

    private func settings(_ model: TemporaryFolder, _ work: TemporaryFolder) throws -> PruneSettings {
        var recipe = PruneRecipe()
        (recipe.model, recipe.output) = (model.path, work.path("pruned"))
        recipe.calibration = [try work.write("news.txt", text)]
        (recipe.method, recipe.pattern) = ("wanda", .keep(2, of: 4))
        (recipe.samples, recipe.sequenceLength) = (8, 32)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        return try recipe.resolved()
    }

    @Test("prunes, verifies, evaluates and gates a model")
    func everyStep() throws {
        let (dense, work, reporter) = (try model(), try TemporaryFolder(), SilentReporter())
        let settings = try settings(dense, work)
        let plan = try Plan.making(settings, reporter: reporter)
        let result = try PruneRun(PrunePreparation(settings, reporter: reporter).context).start()
        // Half of 7 linears in each of 2 blocks.
        #expect(result.achieved == 0.5 && result.linears.count == 14)
        #expect(plan.linears.reduce(0) { $0 + $1.removed } == result.blocks.reduce(0) { $0 + $1.removed })

        let verified = try PublishedFolder(result.output, reporter: reporter)
        #expect(verified.pattern == "2:4" && verified.linears == 14 && verified.sparsity == 0.5)
        let scans = try Inspection(result.output, readsWeights: true, reporter: reporter).linears.compactMap(\.scan)
        #expect(scans.count == 7 && scans.allSatisfy { $0.holdsTwoOfFour })

        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        let test = try work.write("test.txt", text)
        let report = try EvaluationRun(
            model: result.output, against: dense.path, files: [.text(test)], context: 32, engine: engine
        ).measure(reporter)
        let found = try #require(report.files.first?.measurement)
        let divergence = try #require(found.divergence)
        #expect(found.perplexity.isFinite && divergence.kl > 0 && divergence.densePerplexity != found.perplexity)

        let results = try work.write("results.json", report.json.text())
        for (limit, outcome) in [(1000.0, GateVerdict.Outcome.passed), (1e-9, .failed)] {
            let rules = try work.write("gate.yaml", "version: 1\nstages:\n  full:\n    kl: {max: \(limit)}\n")
            let verdict = try GateRun(results: results, rules: rules).verdict()
            #expect(verdict.outcome == outcome, "\(verdict.checks)")
        }
    }

    @Test("a folder whose weights were changed is told")
    func damage() throws {
        let (dense, work, reporter) = (try model(), try TemporaryFolder(), SilentReporter())
        let result = try PruneRun(PrunePreparation(settings(dense, work), reporter: reporter).context).start()
        let path = result.output + "/model.safetensors"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let fault = #expect(throws: Fault.self) { try PublishedFolder(result.output, reporter: reporter) }
        #expect(fault?.kind == .badData && fault?.file == path)
    }

    @Test("watches a model against its own reference, and an alarm needs a change")
    func watching() throws {
        let (dense, work, reporter) = (try model(), try TemporaryFolder(), SilentReporter())
        let prompts = try work.write("prompts.jsonl", "{\"text\": \"A line of text to be scored.\"}\n")
        let run = WatchRun(model: dense.path, engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32))
        let reference = work.path("reference.safetensors")
        _ = try run.writeReference(to: reference, prompts: prompts, topCount: 16, reporter)
        let report = try run.watch(
            reference: reference, history: work.path("history.jsonl"), prompts: nil, alpha: 0.01,
            isNewBaseline: false, time: "2026-01-01T00:00:00Z", reporter)
        #expect(abs(report.interval.kl) < 1e-6 && !report.drift.isAlarm && report.count == 1)
    }
}
