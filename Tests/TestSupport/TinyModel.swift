import Checkpoints
import Faults
import JSONText
import Randomness

/// A Llama of a few thousand random weights with a tokenizer whose tokens are the bytes: enough to run every verb.
public struct TinyModel {
    public var layers = 2
    public var hidden = 16
    public var intermediate = 24
    public var heads = 4
    public var keyValueHeads = 2
    public var context = 64
    public var vocabulary = 258
    public var tied = true
    public var seed: UInt64 = 1
    /// Keys of config.json, added or replaced.
    public var configuration: [(key: String, value: JSONValue)] = []
    /// Changes a tensor's values before they are written.
    public var edit: (String, inout [Float]) -> Void = { _, _ in }
    /// Tensors added to the file.
    public var extra: [(name: String, shape: [Int])] = []
    public var hasTokenizer = true
    /// Gemma 3 in place of Llama: every second layer sees all, the others 8 tokens.
    public var isGemma = false

    /// The ids of the two special tokens, after those of the bytes.
    public static let begin: Int32 = 256
    public static let end: Int32 = 257

    public init() {}

    public var tensors: [(name: String, shape: [Int])] {
        let width = hidden / heads * keyValueHeads
        var list: [(name: String, shape: [Int])] = [
            ("model.embed_tokens.weight", [vocabulary, hidden]), ("model.norm.weight", [hidden]),
        ]
        if !tied { list.append(("lm_head.weight", [vocabulary, hidden])) }
        for layer in 0..<layers {
            let prefix = "model.layers.\(layer)."
            if isGemma {
                list += [
                    (prefix + "pre_feedforward_layernorm.weight", [hidden]),
                    (prefix + "post_feedforward_layernorm.weight", [hidden]),
                    (prefix + "self_attn.q_norm.weight", [hidden / heads]),
                    (prefix + "self_attn.k_norm.weight", [hidden / heads]),
                ]
            }
            list += [
                (prefix + "input_layernorm.weight", [hidden]), (prefix + "post_attention_layernorm.weight", [hidden]),
                (prefix + "self_attn.q_proj.weight", [hidden, hidden]),
                (prefix + "self_attn.k_proj.weight", [width, hidden]),
                (prefix + "self_attn.v_proj.weight", [width, hidden]),
                (prefix + "self_attn.o_proj.weight", [hidden, hidden]),
                (prefix + "mlp.gate_proj.weight", [intermediate, hidden]),
                (prefix + "mlp.up_proj.weight", [intermediate, hidden]),
                (prefix + "mlp.down_proj.weight", [hidden, intermediate]),
            ]
        }
        return list + extra
    }

    /// Writes config.json, model.safetensors and tokenizer.json.
    public func write(to folder: TemporaryFolder) throws {
        var config = JSONObject()
        config["model_type"] = .string("llama")
        config["hidden_size"] = .integer(hidden)
        config["intermediate_size"] = .integer(intermediate)
        config["num_hidden_layers"] = .integer(layers)
        config["num_attention_heads"] = .integer(heads)
        config["num_key_value_heads"] = .integer(keyValueHeads)
        config["vocab_size"] = .integer(vocabulary)
        config["max_position_embeddings"] = .integer(context)
        config["rms_norm_eps"] = .double(1e-5)
        config["tie_word_embeddings"] = .bool(tied)
        config["bos_token_id"] = .integer(Int(TinyModel.begin))
        config["eos_token_id"] = .integer(Int(TinyModel.end))
        if isGemma {
            config["model_type"] = .string("gemma3_text")
            config["architectures"] = .array([.string("Gemma3ForCausalLM")])
            config["head_dim"] = .integer(hidden / heads)
            config["query_pre_attn_scalar"] = .integer(hidden / heads)
            config["sliding_window"] = .integer(8)
            config["layer_types"] = .array(
                (0..<layers).map { .string($0 % 2 == 0 ? "sliding_attention" : "full_attention") })
        }
        for (key, value) in configuration { config[key] = value }
        try folder.write("config.json", JSONValue.object(config).text())
        if hasTokenizer { try folder.write("tokenizer.json", TinyModel.tokenizer.text()) }

        let writer = try SafetensorsWriter(
            folder.path + "/model.safetensors",
            tensors.map { TensorDescription(name: $0.name, shape: $0.shape, type: .f32) })
        for tensor in writer.order {
            // A generator for each name, so that an edit of one tensor leaves the others as they are.
            var generator = SplitMix64(seed: tensor.name.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) })
            var values = (0..<tensor.count).map { _ in
                let uniform = Float(generator.next() >> 40) * 0x1p-24
                return tensor.name.contains("norm") ? 0.5 + uniform : (uniform - 0.5) * 1.2
            }
            edit(tensor.name, &values)
            try writer.write(tensor.name, values.withUnsafeBytes { Array($0) })
        }
        _ = try writer.finish()
    }

    /// Byte-level, without merges: the id of a byte is its value.
    public static var tokenizer: JSONValue {
        var vocabulary = JSONObject()
        var next: UInt32 = 0x100
        for byte in UInt32(0)...255 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: vocabulary[text(byte)] = .integer(Int(byte))
            default:
                vocabulary[text(next)] = .integer(Int(byte))
                next += 1
            }
        }
        func special(_ id: Int32, _ content: String) -> JSONValue {
            .object([
                "id": .integer(Int(id)), "content": .string(content), "single_word": .bool(false),
                "lstrip": .bool(false), "rstrip": .bool(false), "normalized": .bool(false), "special": .bool(true),
            ])
        }
        let byteLevel = JSONValue.object([
            "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
            "use_regex": .bool(true),
        ])
        return .object([
            "version": .string("1.0"), "truncation": .null, "padding": .null,
            "added_tokens": .array([special(begin, "<|begin|>"), special(end, "<|end|>")]), "normalizer": .null,
            "pre_tokenizer": byteLevel, "post_processor": .null, "decoder": byteLevel,
            "model": .object([
                "type": .string("BPE"), "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
                "end_of_word_suffix": .null, "fuse_unk": .bool(false), "byte_fallback": .bool(false),
                "vocab": .object(vocabulary), "merges": .array([]),
            ]),
        ])
    }

    private static func text(_ scalar: UInt32) -> String { Unicode.Scalar(scalar).map { String($0) } ?? "" }
}
