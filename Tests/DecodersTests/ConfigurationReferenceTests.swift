import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Torch

/// Configurations whose keys have two names, stand in two places or are left out, held against what transformers
/// computes with them.
struct ConfigurationReferenceTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var title: String
        var weights: String
        var configuration: JSONObject
        /// Stored tensors whose name begins with a key are called something else, or, where the value is null, left
        /// out.
        var names: JSONObject
        /// Of the last token; nil where transformers refuses or makes up weights.
        var logits: [Float]?
        var testDescription: String { title }
    }

    static let file: JSONObject? = {
        guard let path = try? Fixture.folder("configurations.json"),
            let text = try? String(contentsOfFile: path, encoding: .utf8)
        else { return nil }
        return (try? JSONValue(parsing: text))?.objectValue
    }()

    static let cases: [Case] = (file?["cases"]?.arrayValue ?? []).compactMap { value in
        guard let object = value.objectValue, let title = object["title"]?.stringValue,
            let weights = object["weights"]?.stringValue, let configuration = object["config"]?.objectValue,
            let names = object["names"]?.objectValue
        else { return nil }
        let logits = object["logits"]?.arrayValue?.compactMap { $0.doubleValue.map { Float($0) } }
        return Case(title: title, weights: weights, configuration: configuration, names: names, logits: logits)
    }

    private func open(_ found: Case, in folder: TemporaryFolder) throws -> Decoder {
        try folder.write("config.json", JSONValue.object(found.configuration).text())
        let file = try SafetensorsFile(try Fixture.folder("configurations/\(found.weights).safetensors"))
        let stored = file.tensors.compactMap { tensor in name(tensor.name, found.names).map { (tensor, name: $0) } }
        let writer = try SafetensorsWriter(
            folder.path + "/model.safetensors",
            stored.map { TensorDescription(name: $0.name, shape: $0.0.shape, type: $0.0.type) })
        for tensor in writer.order {
            let source = try #require(stored.first { $0.name == tensor.name }).0
            try writer.write(tensor.name, try file.bytes(source.name))
        }
        _ = try writer.finish()
        return try Decoder(try Checkpoint.open(folder.path))
    }

    private func name(_ name: String, _ names: JSONObject) -> String? {
        var name = name
        for (old, new) in names.members where name.hasPrefix(old) {
            guard let new = new.stringValue else { return nil }
            name = new + name.dropFirst(old.count)
        }
        return name
    }

    private func lastLogits(_ decoder: Decoder) throws -> [Float] {
        let tokens = try #require(Self.file?["tokens"]?.arrayValue).compactMap(\.integerValue)
        let c = decoder.configuration
        return try Engine.withoutGradient {
            var x = try decoder.embedded(tokens.map(Int32.init)).reshaped([1, tokens.count, c.hiddenSize])
            let rotary = decoder.rotary(positions: tokens.count)
            for layer in 0..<c.layerCount { x = try decoder.block(layer)(x, rotary: rotary) }
            return Array(try decoder.head(dtype: .float32)(x).floats().suffix(c.vocabularySize))
        }
    }

    @Test func thereAreCases() { #expect(Self.cases.count > 40) }

    @Test(arguments: cases) func logitsAreThoseOfTransformers(_ found: Case) throws {
        let folder = try TemporaryFolder()
        guard let expected = found.logits else {
            let fault = #expect(throws: Fault.self) {
                try open(found, in: folder)
            }
            #expect(fault?.kind == .badData)
            return
        }
        let decoder = try open(found, in: folder)
        #expect(relativeError(try lastLogits(decoder), expected) < 1e-4)
    }

    /// What contradicts the value that counts, or counts for nothing, is told; what agrees is not.
    static let notes: [(title: String, words: String?)] = [
        ("plain", nil), ("theta outside", nil), ("theta inside rope_scaling", nil), ("swish", nil),
        ("an empty old object", nil), ("a null old object", nil), ("yarn", nil), ("no epsilon", nil),
        ("llama3, original context outside", nil), ("llama3, no original context", nil),
        ("qwen2, window switched off", nil),
        ("theta inside and outside", "rope_theta is 500.0 outside of rope_parameters and 100.0 in it"),
        ("both names, linear and default", "rope_scaling counts"),
        ("both names, default and linear", "rope_scaling counts"),
        ("both names, theta in the one that loses", "rope_scaling counts"),
        ("two names of the type", "rope_type is used"), ("two names of the type, the other way", "rope_type is used"),
        ("a factor without a type", "rope_scaling.factor has no effect with rotary scaling 'default'"),
        ("a key of another type", "low_freq_factor has no effect"),
        ("llama3, original context in both", "the outer one is used"),
        ("other names of epsilon", "layer_norm_eps and rms_norm_eps differ"),
        ("a window in llama", "sliding_window has no effect in llama"),
        ("mistral, a switch that it does not have", "use_sliding_window has no effect"),
        ("tied, stored as the head", nil), ("tied, stored as the embedding", nil),
        ("gemma3, pattern", nil), ("gemma3, thetas by kind", nil), ("gemma3, scaling by kind", nil),
        ("gemma3, nulls", nil),
        (
            "gemma3, thetas by kind and outside",
            "rope_theta is 30.0 outside of rope_parameters.full_attention and 100.0"
        ),
        ("qwen2, attention_bias", "attention_bias has no effect"),
    ]

    @Test(arguments: notes) func contradictionsAreNoted(_ title: String, _ words: String?) throws {
        let found = try #require(Self.cases.first { $0.title == title })
        let notes = try open(found, in: try TemporaryFolder()).notes
        guard let words else {
            #expect(notes.isEmpty)
            return
        }
        #expect(notes.contains { $0.contains(words) && $0.contains("config.json: ") }, "\(notes)")
    }

    private func refusal(_ keys: String, family: String = "llama") throws -> Fault? {
        var json = try #require(Self.cases.first { $0.title == "plain" }).configuration
        json["model_type"] = .string(family)
        for (key, value) in try #require(try JSONValue(parsing: keys).objectValue).members { json[key] = value }
        do throws(Fault) {
            _ = try DecoderConfiguration(json, file: "config.json")
            return nil
        } catch { return error }
    }

    @Test(arguments: [
        (#"{"rope_scaling": {"rope_type": "linear", "factor": 2, "alpha": 1000}}"#, "rope_scaling.alpha"),
        (#"{"rope_scaling": {"type": "default", "mrope_section": [2, 1, 1]}}"#, "rope_scaling.mrope_section"),
        (
            #"{"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 100}}}"#,
            "rope_parameters.full_attention"
        ),
        (#"{"rope_scaling": {"rope_type": "dynamic", "factor": 2}}"#, "rope_scaling.rope_type"),
        (#"{"rope_scaling": {"type": "longrope", "long_factor": [1]}}"#, "rope_scaling.type"),
        (#"{"rope_scaling": {"rope_type": 3, "factor": 2}}"#, "rope_scaling.rope_type"),
        (#"{"rope_scaling": {"rope_type": "default", "rope_theta": null}}"#, "rope_scaling.rope_theta"),
        (#"{"rope_scaling": {"rope_type": "default", "rope_theta": "1e4"}}"#, "rope_scaling.rope_theta"),
        (#"{"rope_theta": null}"#, "rope_theta"), (#"{"rope_scaling": true}"#, "rope_scaling"),
        (#"{"rope_parameters": {"partial_rotary_factor": 0.5}}"#, "rope_parameters.partial_rotary_factor"),
        (#"{"rope_parameters": {"rope_type": "yarn", "factor": 2, "rope_theta": 1}}"#, "rope_parameters.rope_theta"),
        (
            #"{"rope_scaling": {"type": "llama3", "factor": 2, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": null}}"#,
            "rope_scaling.original_max_position_embeddings"
        ),
    ])
    func rotaryKeysThatAreNotComputedAreRefusedByName(_ keys: String, _ place: String) throws {
        let found = try #require(try refusal(keys))
        #expect(found.kind == .badData && found.place == "key '\(place)'")
        #expect(found.expected?.isEmpty == false)
    }

    @Test(arguments: [
        (#"{"logits_scaling": 8.0}"#, "logits_scaling"), (#"{"logit_scale": 0.0625}"#, "logit_scale"),
        (#"{"residual_multiplier": 0.22}"#, "residual_multiplier"),
        (#"{"embedding_multiplier": 12}"#, "embedding_multiplier"),
        (#"{"attention_multiplier": 0.015}"#, "attention_multiplier"),
        (#"{"final_logit_softcapping": 30.0}"#, "final_logit_softcapping"),
        (#"{"attn_logit_softcapping": 50}"#, "attn_logit_softcapping"),
        (#"{"query_pre_attn_scalar": 224}"#, "query_pre_attn_scalar"),
        (#"{"no_rope_layers": [1, 0]}"#, "no_rope_layers"), (#"{"is_causal": false}"#, "is_causal"),
        (#"{"is_causal": null}"#, "is_causal"),
        (#"{"use_bidirectional_attention": true}"#, "use_bidirectional_attention"),
        (#"{"hidden_activation": "gelu_pytorch_tanh"}"#, "hidden_activation"), (#"{"rotary_pct": 0.25}"#, "rotary_pct"),
        (#"{"qk_layernorm": true}"#, "qk_layernorm"), (#"{"use_qkv_bias": true}"#, "use_qkv_bias"),
        (#"{"per_layer_config": {"0": {"head_dim": 4}}}"#, "per_layer_config"),
        (#"{"layer_types": ["full_attention", "sliding_attention"]}"#, "layer_types"),
        (#"{"layer_types": ["full_attention", "chunked_attention"]}"#, "layer_types"),
        (#"{"layer_types": ["full_attention"]}"#, "layer_types"),
        (#"{"layer_types": "full_attention"}"#, "layer_types"),
        (#"{"rms_norm_eps": null, "layer_norm_eps": 1e-5}"#, "layer_norm_eps"), (#"{"hidden_act": 3}"#, "hidden_act"),
    ])
    func keysOfOtherFamiliesAreRefusedWhereTheyHaveAnEffect(_ keys: String, _ key: String) throws {
        let found = try #require(try refusal(keys))
        #expect(found.kind == .badData && found.place == "key '\(key)'")
    }

    @Test(arguments: [
        #"{"logits_scaling": 1, "residual_multiplier": 1.0, "final_logit_softcapping": null, "is_causal": true}"#,
        #"{"attention_multiplier": 0.3535533905932738, "query_pre_attn_scalar": 8, "no_rope_layers": [1, 1]}"#,
        #"{"hidden_activation": "silu", "rotary_pct": 1.0, "qk_layernorm": false, "num_experts": 0}"#,
        #"{"layer_types": ["full_attention", "full_attention"], "sliding_window": null, "pretraining_tp": 2}"#,
        #"{"rope_scaling": {"type": "default", "rope_type": "default", "mrope_section": null}}"#,
    ])
    func theSameKeysPassWhereTheyHaveNone(_ keys: String) throws { #expect(try refusal(keys) == nil) }

    @Test func biasesThatAFamilyDoesNotHaveAreRefused() throws {
        #expect(
            try refusal(#"{"attention_bias": true, "sliding_window": null}"#, family: "mistral")?.place
                == "key 'attention_bias'")
        for family in ["mistral", "qwen2", "qwen3"] {
            #expect(try refusal(#"{"mlp_bias": true}"#, family: family)?.place == "key 'mlp_bias'")
        }
    }

    @Test func sizesLeftOutAreTheFamilysOwn() throws {
        func configuration(_ keys: String) throws -> DecoderConfiguration {
            let text =
                #"{"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 32, "intermediate_size": 8, "vocab_size": 8"#
            let json = try #require(try JSONValue(parsing: text + ", " + keys + "}").objectValue)
            return try DecoderConfiguration(json, file: "config.json")
        }
        #expect(try configuration(#""model_type": "mistral""#).layers[0].keyValueHeadCount == 8)
        #expect(
            try configuration(#""model_type": "mistral", "num_key_value_heads": null"#).layers[0].keyValueHeadCount
                == 32)
        #expect(try configuration(#""model_type": "mistral""#).windows == [4096])
        #expect(try configuration(#""model_type": "qwen3""#).headDimension == 128)
        #expect(
            try configuration(#""model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 0"#).windows
                == [4096])
    }
}
