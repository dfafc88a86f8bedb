import Faults
import JSONText
import Testing

@testable import Checkpoints

/// Keys of the architecture: what changes the numbers is read or refused by name, never passed over.
struct GGUFKeyTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func open(_ change: (inout GGUFBuilder) -> Void) throws -> Checkpoint {
        var builder = GGUFBuilder.sound()
        change(&builder)
        return try Checkpoint.open(try folder.write("m.gguf", builder.file))
    }

    private func scaling(_ change: (inout GGUFBuilder) -> Void) throws -> (text: String?, warnings: [String]) {
        let model = try open(change)
        return (model.configuration["rope_scaling"]?.text(pretty: false), model.warnings)
    }

    private let linear = #"{"rope_type":"linear","factor":4.0}"#

    @Test func everyWayToSayALinearScalingIsRead() throws {
        #expect(try scaling { $0.set("llama.rope.scale_linear", Float(4)) }.text == linear)
        #expect(try scaling { $0.set("llama.rope.scaling.factor", Float(4)) }.text == linear)
        let today = try scaling {
            $0.set("llama.rope.scaling.type", "linear")
            $0.set("llama.rope.scaling.factor", Float(4))
        }
        #expect(today.text == linear && today.warnings.isEmpty)
        for neutral in [Float(0), 1] {
            #expect(try scaling { $0.set("llama.rope.scale_linear", neutral) }.text == "null")
        }
        #expect(try scaling { $0.set("llama.rope.scaling.type", "linear") }.text == "null")
    }

    @Test func factorsThatDisagreeAreTold() throws {
        let both = try scaling {
            $0.set("llama.rope.scaling.factor", Float(4))
            $0.set("llama.rope.scale_linear", Float(8))
        }
        #expect(both.text == linear)
        #expect(both.warnings.contains { $0.contains("llama.rope.scale_linear is 8.0") && $0.contains("4.0") })
        let none = try scaling {
            $0.set("llama.rope.scaling.type", "none")
            $0.set("llama.rope.scaling.factor", Float(4))
        }
        #expect(none.text == "null" && none.warnings.contains { $0.contains("there is no ") })
    }

    /// A Gemma of one tensor, which is all that its keys need.
    private func gemma(_ change: (inout GGUFBuilder) -> Void = { _ in }) throws -> Checkpoint {
        var builder = GGUFBuilder()
        builder.set("general.architecture", "gemma3")
        for (key, value) in [
            ("block_count", 2), ("embedding_length", 8), ("feed_forward_length", 8), ("context_length", 64),
            ("attention.head_count", 2), ("attention.key_length", 6),
        ] as [(String, UInt32)] { builder.set("gemma3." + key, value) }
        builder.set("gemma3.attention.layer_norm_rms_epsilon", Float(1e-6))
        change(&builder)
        builder.tensor("token_embd.weight", [4, 8])
        return try Checkpoint.open(try folder.write("gemma.gguf", builder.file))
    }

    @Test func impossibleNumbersOfGemmaAreRefused() throws {
        // What is sound goes on, to the tensors that this file does not have.
        fault(.badData, "lacks a tensor", "output_norm.weight") { try gemma() }
        for (key, value) in [
            ("rope.freq_base_swa", Float(0)), ("final_logit_softcapping", -1), ("rope.freq_base_swa", -10),
        ] {
            fault(.badData, "impossible", "gemma3.\(key)") { try gemma { $0.set("gemma3.\(key)", value) } }
        }
        fault(.badData, "impossible", "gemma3.attention.sliding_window_pattern") {
            try gemma { $0.set("gemma3.attention.sliding_window_pattern", UInt32(0)) }
        }
        fault(.badData, "impossible", "gemma3.attention.sliding_window") {
            try gemma { $0.set("gemma3.attention.sliding_window", UInt32.max) }
        }
        fault(.badData, "not supported", "gemma3.attn_logit_softcapping") {
            try gemma { $0.set("gemma3.attn_logit_softcapping", Float(50)) }
        }
    }

    @Test func scalingsThatAreNotReadAreRefused() throws {
        fault(.badData, "'longrope' is not supported", "llama.rope.scaling.type") {
            try open { $0.set("llama.rope.scaling.type", "longrope") }
        }
        fault(.badData, "impossible", "llama.rope.scale_linear") {
            try open { $0.set("llama.rope.scale_linear", Float(-2)) }
        }
        fault(.badData, "rotary factors together with another scaling", "rope_freqs.weight") {
            try open {
                $0.set("llama.rope.scaling.factor", Float(4))
                $0.set("llama.rope.freq_base", Float(1e10))
                let factors = GGUFRopeScaling.llama3Factors(theta: 1e10, size: 4, factor: 8).map(Float.init)
                $0.tensor("rope_freqs.weight", [2], data: bytes(of: factors))
            }
        }
    }

    @Test func yarnIsRead() throws {
        #expect(try scaling { $0.set("llama.rope.scaling.type", "yarn") }.text == "null")
        func yarn(_ change: (inout GGUFBuilder) -> Void) throws -> String? {
            try scaling {
                $0.set("llama.rope.scaling.type", "yarn")
                $0.set("llama.rope.scaling.factor", Float(4))
                change(&$0)
            }.text
        }
        #expect(
            try yarn { $0.set("llama.rope.scaling.yarn_ext_factor", Float(1)) }
                == #"{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":16,"beta_fast":32.0,"beta_slow":1.0}"#
        )
        #expect(
            try yarn {
                $0.set("llama.rope.scaling.original_context_length", UInt32(4))
                $0.set("llama.rope.scaling.yarn_beta_fast", Float(16))
                $0.set("llama.rope.scaling.yarn_beta_slow", Float(2))
            }
                == #"{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":4,"beta_fast":16.0,"beta_slow":2.0}"#
        )
        // Without extrapolation it is another scaling.
        fault(.badData, "changes the model's numbers", "yarn_ext_factor") {
            try yarn { $0.set("llama.rope.scaling.yarn_ext_factor", Float(0)) }
        }
        fault(.badData, "impossible", "yarn_beta_fast") {
            try yarn { $0.set("llama.rope.scaling.yarn_beta_fast", Float(0)) }
        }
    }

    /// A wavelength of 2π·√10000 is beyond a context of 512, within one of 8192.
    @Test func llama3FactorsOfOtherContextsAreKnown() throws {
        let text = try scaling { $0.tensor("rope_freqs.weight", [2], data: bytes(of: [1, 8])) }.text
        #expect(
            text == #"{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"#
                + #""original_max_position_embeddings":512,"rope_type":"llama3"}"#)
        #expect(try scaling { $0.tensor("rope_freqs.weight", [2], data: bytes(of: [1, 1])) }.text == "null")
    }

    @Test(arguments: [
        "llama.rope.scale", "llama.rope.dimension_sections", "llama.rope.scaling.beta", "qwen2.rope.scaling.factor",
        "llama.rope.freq_base_swa", "llama.rope.scaling.attn_factor", "llama.rope.scaling.yarn_ext_factor",
        "rope.freq_base",
    ])
    func anyOtherRotaryKeyIsRefusedByName(key: String) {
        fault(.badData, "changes the model's numbers", "key '\(key)'") { try open { $0.set(key, Float(3)) } }
    }

    @Test(arguments: [
        ("attention.scale", Float(0.1)), ("attn_logit_softcapping", 50), ("final_logit_softcapping", 30),
        ("logit_scale", 0.5), ("residual_scale", 0.22), ("embedding_scale", 12), ("attention.clamp_kqv", 8),
        ("attention.max_alibi_bias", 8), ("attention.temperature_scale", 0.1), ("attention.sliding_window", 8),
    ])
    func aKeyThatChangesTheNumbersIsRefusedByName(key: String, value: Float) {
        fault(.badData, "changes the model's numbers", "key 'llama.\(key)'") {
            try open { $0.set("llama.\(key)", value) }
        }
    }

    @Test func flagsThatChangeTheNumbersAreRefusedByName() {
        for (key, value) in [("attention.causal", false), ("use_parallel_residual", true), ("swin_norm", true)] {
            fault(.badData, "changes the model's numbers", "key 'llama.\(key)'", "\(!value)") {
                try open { $0.set("llama.\(key)", value) }
            }
        }
    }

    @Test func valuesThatChangeNothingAreAccepted() throws {
        let model = try open {
            $0.set("llama.attention.scale", Float(0.5))
            for key in ["logit_scale", "residual_scale", "embedding_scale", "rope.scaling.attn_factor"] {
                $0.set("llama.\(key)", Float(1))
            }
            for key in ["attn_logit_softcapping", "final_logit_softcapping", "rope.scaling.yarn_ext_factor"] {
                $0.set("llama.\(key)", Float(0))
            }
            $0.set("llama.attention.causal", true)
            $0.set("llama.use_parallel_residual", false)
            $0.set("llama.attention.sliding_window", UInt32(16))
            $0.set("llama.rope.freq_base_swa", Float(10000))
            $0.set("llama.rope.scaling.finetuned", true)
            $0.set("llama.rope.scaling.original_context_length", UInt32(8))
            $0.set("llama.expert_count", UInt32(0))
            $0.set("llama.expert_used_count", UInt32(0))
            $0.set("llama.vocab_size", UInt32(4))
            $0.set("llama.tensor_data_layout", "Meta AI original pth")
        }
        #expect(model.warnings.isEmpty)
    }

    @Test(arguments: [UInt64.max, 0, 1 << 40]) func impossibleVocabularySizesAreRefused(size: UInt64) {
        fault(.badData, "key 'llama.vocab_size'") {
            try open { $0.pair("llama.vocab_size", .uint64, littleEndian(size)) }
        }
    }

    @Test func otherKeysOfTheArchitectureAreTold() throws {
        let model = try open {
            $0.set("llama.brand_new", UInt32(1))
            $0.set("llama.pooling_type", UInt32(3))
            $0.set("general.brand_new", UInt32(1))
        }
        #expect(model.warnings.count == 1)
        #expect(model.warnings[0].contains("llama.brand_new, llama.pooling_type (the model is made for embeddings)"))
    }

    @Test(arguments: [
        ("attention.head_count_kv", UInt32(3)), ("attention.key_length", 5), ("attention.value_length", 8),
        ("rope.dimension_count", 2), ("context_length", UInt32.max), ("block_count", 5000),
        ("feed_forward_length", 1 << 30),
    ])
    func impossibleSizesAreToldByTheirKey(key: String, value: UInt32) {
        fault(.badData, "key 'llama.\(key)'") {
            var builder = GGUFBuilder.sound()
            builder.pairs.removeAll { $0.starts(with: GGUFBuilder.string("llama.\(key)")) }
            builder.set("llama.\(key)", value)
            return try Checkpoint.open(try folder.write("m.gguf", builder.file))
        }
    }

    @Test func missingMisshapenAndForeignTensorsAreToldByTheirNames() {
        func open(_ change: (inout GGUFBuilder) -> Void) throws -> Checkpoint {
            var builder = GGUFBuilder()
            builder.pairs = GGUFBuilder.sound().pairs
            change(&builder)
            return try Checkpoint.open(try folder.write("m.gguf", builder.file))
        }
        fault(.badData, "lacks a tensor of its architecture", "blk.0.ffn_up.weight") {
            try open { $0.soundTensors(without: ["blk.0.ffn_up.weight"]) }
        }
        fault(.badData, "the shape that the metadata requires", "blk.0.ffn_up.weight", "[12, 8]") {
            try open {
                $0.soundTensors(without: ["blk.0.ffn_up.weight"])
                $0.tensor("blk.0.ffn_up.weight", [8, 12])
            }
        }
        for name in ["blk.0.attn_q_norm.weight", "blk.0.attn_norm.bias", "blk.0.attn_k.bias"] {
            fault(.badData) {
                try open {
                    $0.soundTensors()
                    $0.tensor(name, [4])
                }
            }
        }
    }
}
