import Checkpoints
import Decoders
import Faults
import JSONText
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
        // A prompt, then a piece of several tokens after it, then one at a time, both rows together.
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
        #expect(qwen2.blueprint.layers[0].biased == [.q, .k, .v] && qwen2.windows == [nil, 4])
        let qwen3 = try Fixture("qwen3").decoder.configuration
        #expect(qwen3.blueprint.layers[1].norm(.key)?.name == "self_attn.k_norm")
        #expect(qwen3.tiesWordEmbeddings && qwen3.headDimension == 12)
        let biased = try Fixture("llama-biases").decoder.configuration
        #expect(biased.blueprint.layers[1].biased == [.q, .k, .v, .o, .gate, .up, .down])
        #expect(biased.blueprint.layers[0].norms.map(\.place) == [.attentionInput, .feedForwardInput])
    }

    @Test func gemmasLayersAreOfTwoKinds() throws {
        let c = try Fixture("gemma3").decoder.configuration
        #expect(c.windows == [5, nil, 5] && c.blueprint.embeddingScale == 32.0.squareRoot())
        let attention = c.blueprint.layers.map(\.attention)
        #expect(attention[0].rotary == RotaryConfiguration(theta: 50, scaling: .none))
        #expect(attention[1].rotary == RotaryConfiguration(theta: 1000, scaling: .linear(factor: 4)))
        #expect(attention[0] == attention[2] && attention[0].scale == 1 / 20.0.squareRoot())
        #expect(c.blueprint.layers[0].feedForward == .gated(.geluTanh) && c.tiesWordEmbeddings)
        #expect(c.norms(layer: 0).map(\.gain) == Array(repeating: .onePlusWeight, count: 6))
        #expect(try Fixture("gemma3-old").decoder.configuration.blueprint.logitSoftCap == 2.5)
    }

    /// What transformers leaves out in silence, or computes in no family of these.
    @Test(arguments: [
        (#"{"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}"#, "rope_parameters.rope_type"),
        (#"{"rope_scaling": {"type": "linear", "factor": 8.0}}"#, "rope_scaling.type"),
        (#"{"attn_logit_softcapping": 50.0}"#, "attn_logit_softcapping"),
        (#"{"use_bidirectional_attention": true}"#, "use_bidirectional_attention"),
        (#"{"hidden_activation": "silu"}"#, "hidden_activation"), (#"{"hidden_act": "silu"}"#, "hidden_act"),
        (#"{"query_pre_attn_scalar": 0}"#, "query_pre_attn_scalar"),
        (#"{"final_logit_softcapping": -1.0}"#, "final_logit_softcapping"),
        (#"{"sliding_window": null}"#, "sliding_window"), (#"{"sliding_window_pattern": 0}"#, "sliding_window_pattern"),
        (#"{"num_experts": 8}"#, "num_experts"),
    ])
    func anotherGemmaIsRefusedByKey(_ edits: String, _ key: String) throws {
        var json = try Fixture("gemma3-old").decoder.checkpoint.configuration
        for (key, value) in try #require(try JSONValue(parsing: edits).objectValue).members { json[key] = value }
        let fault = #expect(throws: Fault.self) { try DecoderConfiguration(json, file: "config.json") }
        #expect(fault?.kind == .badData && fault?.place == "key '\(key)'")
    }

    @Test func bfloat16IsNearFloat32() throws {
        let fixture = try Fixture("llama")
        let model = try LoadedDecoder(fixture.decoder, dtype: .bfloat16, capacity: fixture.columns)
        let found = try model.logits(Array(fixture.tokens.prefix(fixture.columns)), cache: model.makeCache()).floats()
        let error = relativeError(found, fixture.expected(row: 0, position: fixture.columns - 1))
        #expect(error > 1e-6 && error < 0.05)
    }
}
