import Faults
import JSONText

/// `config.json` for a GGUF file.
enum GGUFConfiguration {
    static func make(
        _ file: GGUFParts, _ shape: GGUFArchitecture, tokenizer: GGUFTokenizer?, weightType: StoredType,
        warnings: inout [String]
    ) throws(Fault) -> JSONObject {
        let names = Set(file.entries.map(\.name))
        guard let embedding = file.entries.first(where: { $0.name == "token_embd.weight" }), embedding.shape.count == 2
        else {
            throw Fault(
                .badData, "the GGUF file has no token embedding", file: file.path, place: "tensor 'token_embd.weight'")
        }
        let rows = embedding.shape[0]
        let vocabulary = tokenizer?.tokens.count
        if let vocabulary, vocabulary > rows {
            throw Fault(
                .badData, "the vocabulary is larger than the embedding", file: file.path,
                place: "tensor 'token_embd.weight'", found: "\(rows) rows", expected: "at least \(vocabulary)")
        }
        if let vocabulary, vocabulary < rows {
            warnings.append(
                "\(file.path): the embedding has \(rows) rows for \(vocabulary) tokens; the rest is padding")
        }
        let attentionBias = try hasBias(["attn_q", "attn_k", "attn_v", "attn_output"], names, shape, file.path)
        let mlpBias = try hasBias(["ffn_gate", "ffn_up", "ffn_down"], names, shape, file.path)
        let metadata = file.metadata

        var config = JSONObject()
        config["architectures"] = .array([.string(shape.family.className)])
        config["model_type"] = .string(shape.family.modelType)
        if shape.family.attentionBiases != .queryKeyValue { config["attention_bias"] = .bool(attentionBias) }
        config["attention_dropout"] = .double(0)
        if shape.family.hasMLPBiases { config["mlp_bias"] = .bool(mlpBias) }
        config[shape.family.activation.key] = .string(shape.family.activation.name)
        config["hidden_size"] = .integer(shape.hidden)
        config["initializer_range"] = .double(0.02)
        config["intermediate_size"] = .integer(shape.shapes.map(\.intermediate).max() ?? 0)
        config["max_position_embeddings"] = .integer(shape.context)
        config["num_attention_heads"] = .integer(shape.shapes.map(\.heads).max() ?? 0)
        config["num_hidden_layers"] = .integer(shape.layers)
        config["num_key_value_heads"] = .integer(shape.shapes.map(\.keyValueHeads).max() ?? 0)
        config["head_dim"] = .integer(shape.headSize)
        if shape.family.name == "llama" { config["pretraining_tp"] = .integer(1) }
        config["rms_norm_eps"] = .double(shape.epsilon)
        config["rope_scaling"] = try GGUFRopeScaling.make(file, shape, warnings: &warnings)
        config["rope_theta"] = .double(shape.ropeTheta)
        config["tie_word_embeddings"] = .bool(!names.contains("output.weight"))
        config["torch_dtype"] = .string(weightType.configurationName ?? "float32")
        config["use_cache"] = .bool(true)
        config["vocab_size"] = .integer(rows)
        for (key, value) in try shape.family.keys(metadata, shape) { config[key] = value }
        if !shape.isUniform { addShapes(shape.shapes, to: &config) }
        for (key, source) in [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")] {
            config[key] = try metadata.token("tokenizer.ggml.\(source)_token_id").map { .integer($0) } ?? .null
        }
        if tokenizer != nil, tokenizer?.padding == nil { config["pad_token_id"] = .null }
        // What is there without a key is so for the tokenizer, too.
        if config["eos_token_id"] == .null, let end = tokenizer?.end { config["eos_token_id"] = .integer(end) }
        if config["bos_token_id"] == .null, let beginning = tokenizer?.beginning {
            config["bos_token_id"] = .integer(beginning)
        }
        return config
    }

    /// The sizes of layers that differ, in the form of a folder whose layers do.
    private static func addShapes(_ shapes: [GGUFArchitecture.Shape], to config: inout JSONObject) {
        let base = config["model_type"] ?? .null
        config["architectures"] = .array([.string("EspalierForCausalLM")])
        config["model_type"] = .string("espalier")
        config["espalier"] = .object([
            "version": .integer(1), "base_model_type": base,
            "layers": .array(
                shapes.map {
                    .object([
                        "num_attention_heads": .integer($0.heads), "num_key_value_heads": .integer($0.keyValueHeads),
                        "intermediate_size": .integer($0.intermediate),
                    ])
                }),
        ])
    }

    /// Whether the linears have biases, as far as Hugging Face's configuration can say it: all of them or none.
    private static func hasBias(
        _ linears: [String], _ names: Set<String>, _ shape: GGUFArchitecture, _ path: String
    ) throws(Fault) -> Bool {
        let present = linears.filter { names.contains("blk.0.\($0).bias") }
        let isAttention = linears.contains("attn_q")
        if isAttention, shape.family.attentionBiases == .queryKeyValue, present == ["attn_q", "attn_k", "attn_v"] {
            return false
        }
        if present.isEmpty { return false }
        let isAllowed = isAttention ? shape.family.attentionBiases == .optional : shape.family.hasMLPBiases
        guard present == linears, isAllowed else {
            throw Fault(
                .badData, "biases on only some linear layers are not supported for this architecture", file: path,
                place: "block 0", found: "biases on \(present.joined(separator: ", "))",
                expected: "none, or on all of \(linears.joined(separator: ", "))")
        }
        return true
    }
}
