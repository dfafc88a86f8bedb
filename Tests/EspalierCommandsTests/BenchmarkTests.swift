import Evaluation
import Faults
import JSONText
import TestSupport
import Testing
import Torch

@testable import EspalierCommands
@testable import EspalierKit

/// `benchmark` on a model of a few thousand weights: what it reports, not how fast that is.
struct BenchmarkTests {
    private func run(_ model: String, against: String? = nil, _ change: (inout BenchmarkRun) -> Void = { _ in })
        throws -> BenchmarkReport
    {
        var run = BenchmarkRun(
            model: model, against: against, prompts: [3, 7], batches: [1, 2], newTokens: 4, repeats: 3,
            engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32))
        change(&run)
        return try run.measure(quiet)
    }

    @Test(arguments: [false, true])
    func bothModelsAreMeasuredInEveryCase(isOneAtATime: Bool) throws {
        let (small, large) = (try model(), try model { $0.layers = 4 })
        let report = try run(small.path, against: large.path) { $0.isOneAtATime = isOneAtATime }
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        let runs = try #require(json["runs"]?.arrayValue)
        #expect(runs.count == 4)
        for run in runs + (json["against"]?.objectValue?["runs"]?.arrayValue ?? []) {
            for key in ["time_to_first_token", "decode_tokens_per_second"] {
                let spread = try #require(run.objectValue?[key]?.objectValue)
                let values = ["least", "median", "most"].compactMap { spread[$0]?.doubleValue }
                #expect(values.count == 3 && values[0] > 0 && values == values.sorted())
            }
        }
        let ratio = try #require(json["ratios"]?.arrayValue?.first?.objectValue)
        let (first, other) = (runs[0].objectValue, json["against"]?.objectValue?["runs"]?.arrayValue?[0].objectValue)
        func median(_ run: JSONObject?, _ key: String) -> Double {
            run?[key]?.objectValue?["median"]?.doubleValue ?? .nan
        }
        let expected = median(other, "time_to_first_token") / median(first, "time_to_first_token")
        #expect(abs((ratio["time_to_first_token"]?.doubleValue ?? 0) / expected - 1) < 1e-9)
        #expect(try #require(json["size_ratio"]?.doubleValue) < 1)
        #expect(
            try #require(json["parameters"]?.integerValue) < json["against"]?.objectValue?["parameters"]?.integerValue
                ?? 0)
        #expect(report.text.contains("ratio") && report.text.contains("×"))
    }

    @Test func aModelAloneHasNoRatios() throws {
        let folder = try model()
        let report = try run(folder.path)
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        #expect(json["against"] == nil && json["ratios"] == nil && !report.text.contains("ratio"))
        #if os(Linux)
            #expect(json["peak_memory_bytes"]?.integerValue ?? 0 > 1 << 20)
        #endif
    }

    @Test func sequencesLongerThanTheContextAreRefused() throws {
        let folder = try model()
        let found = #expect(throws: Fault.self) { _ = try run(folder.path) { $0.prompts = [1 << 20] } }
        #expect(found?.kind == .usage && found?.found == "\((1 << 20) + 4) tokens")
    }

    @Test func theMiddleOfAnEvenNumberIsTheMeanOfTwo() {
        let spread = Spread([4, 1, 3, 2])
        #expect(spread.median == 2.5 && spread.least == 1 && spread.most == 4)
        #expect(Spread([7]).median == 7)
    }
}
