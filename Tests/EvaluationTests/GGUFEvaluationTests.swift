import Checkpoints
import Decoders
import Evaluation
import Foundation
import JSONText
import Testing
import Torch

/// GGUF files against transformers' perplexities (Interop/make_gguf_fixtures.py).
struct GGUFEvaluationTests {
    private func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)").path
    }

    /// By the key of 2023, and in three parts by today's keys, whichever part is named.
    @Test(arguments: [
        ("linear-old.gguf", "linear"), ("linear-00001-of-00003.gguf", "linear"),
        ("linear-00002-of-00003.gguf", "linear"), ("linear-00003-of-00003.gguf", "linear"), ("yarn.gguf", "yarn"),
    ])
    func scaledPositionsGiveTheReferencesPerplexity(name: String, scaling: String) throws {
        try compare(name, scaling, not: "plain")
    }

    /// What a Gemma's file does not say: a window in all layers but each sixth, where the frequencies are others.
    @Test func gemmaGivesTheReferencesPerplexity() throws {
        try compare("gemma3.gguf", "gemma3", not: "gemma3 without window")
    }

    private func compare(_ name: String, _ scaling: String, not other: String) throws {
        let expected = try #require(
            try JSONValue(parsing: try Data(contentsOf: URL(fileURLWithPath: path("linear.json")))).objectValue)
        let rows = try #require(expected["tokens"]?.arrayValue).map { row in
            try #require(row.arrayValue).compactMap { $0.integerValue.map(Int32.init) }
        }
        let decoder = try Decoder(try Checkpoint.open(try path(name)))
        let measured = try StreamedEvaluation(decoder, dtype: .float32)
            .measure(try TokenWindows(ids: rows.flatMap { $0 }, length: rows[0].count))
        let wanted = try #require(expected[scaling]?.doubleValue)
        #expect(abs(exp(measured.meanLoss) / wanted - 1) < 1e-5)
        #expect(abs(exp(measured.meanLoss) / (try #require(expected[other]?.doubleValue)) - 1) > 0.05)
    }
}
