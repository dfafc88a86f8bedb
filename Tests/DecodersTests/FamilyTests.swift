import Checkpoints
import Decoders
import Testing
import Torch

struct FamilyTests {
    @Test(arguments: Fixture.names) func logitsAreThoseOfTransformers(_ name: String) throws {
        let fixture = try Fixture(name)
        #expect(relativeError(try fixture.forward(), fixture.logits) < 1e-4)
    }

    @Test(arguments: Fixture.names) func decodingWithACacheGivesTheSameLogits(_ name: String) throws {
        let fixture = try Fixture(name)
        let columns = fixture.columns
        let model = try LoadedDecoder(fixture.decoder, dtype: .float32, capacity: columns)
        let cache = model.makeCache()
        // A prompt, then a piece of several tokens behind it, then one at a time, both rows together.
        let pieces = [0..<7, 7..<12] + (12..<columns).map { $0..<$0 + 1 }
        for piece in pieces {
            let ids = (0..<fixture.rows).flatMap { row in piece.map { fixture.tokens[row * columns + $0] } }
            let found = try model.logits(ids, batch: fixture.rows, cache: cache).floats()
            let expected = (0..<fixture.rows).flatMap { fixture.expected(row: $0, position: piece.upperBound - 1) }
            #expect(relativeError(found, expected) < 1e-4, "tokens \(piece)")
            #expect(cache.length == piece.upperBound)
        }
    }

    @Test func configurationOfEachFamilyIsUnderstood() throws {
        let mistral = try Fixture("mistral").decoder.configuration
        #expect(mistral.headDimension == 12 && mistral.windows == [5, 5])
        let qwen2 = try Fixture("qwen2").decoder.configuration
        #expect(qwen2.hasQueryKeyValueBias && !qwen2.hasOutputBias && qwen2.windows == [nil, 4])
        let qwen3 = try Fixture("qwen3").decoder.configuration
        #expect(qwen3.hasQueryKeyNorm && qwen3.tiesWordEmbeddings && qwen3.headDimension == 12)
        let biased = try Fixture("llama-biases").decoder.configuration
        #expect(biased.hasQueryKeyValueBias && biased.hasOutputBias && biased.hasMLPBias)
    }

    @Test func bfloat16IsNearFloat32() throws {
        let fixture = try Fixture("llama")
        let model = try LoadedDecoder(fixture.decoder, dtype: .bfloat16, capacity: fixture.columns)
        let found = try model.logits(Array(fixture.tokens.prefix(fixture.columns)), cache: model.makeCache()).floats()
        let error = relativeError(found, fixture.expected(row: 0, position: fixture.columns - 1))
        #expect(error > 1e-6 && error < 0.05)
    }
}
