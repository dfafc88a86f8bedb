import Checkpoints
import Faults
import JSONText

/// Keys that change what a model computes in some other family, or for some other reader, and that this family's block
/// does not know.
///
/// A configuration that carries one with an effect describes another model than the one that would be computed, so it
/// is refused; the value that leaves everything as it is passes.
enum ForeignKeys {
    /// Factors; 1 leaves everything as it is.
    private static let factors = [
        "logits_scaling", "logit_scale", "logits_scale", "output_multiplier_scale", "embedding_multiplier",
        "embedding_multiplier_scale", "embedding_scale", "scale_emb", "residual_multiplier", "lm_head_multiplier",
        "attention_in_multiplier", "attention_out_multiplier", "key_multiplier", "rope_ratio", "rotary_pct",
        "rotary_percent", "rope_pct", "rope_percent",
    ]
    /// Switches and limits; nothing, zero and false leave everything as it is.
    private static let switches = [
        "attn_logit_softcapping", "final_logit_softcapping", "attn_logit_softcap", "final_logit_softcap",
        "logits_soft_cap", "attn_soft_cap", "clip_qkv", "qkv_clip", "no_rope_layer_interval", "nope_layer_interval",
        "attention_chunk_size", "attn_temperature_tuning", "rope_interleave", "rope_interleaved", "rope_traditional",
        "use_bidirectional_attention", "use_parallel_residual", "parallel_attn", "alibi", "use_alibi", "scale_depth",
        "use_dynamic_ntk", "use_logn_attn", "use_mrope", "sliding_window_pattern", "use_bias", "add_bias_linear",
        "num_experts", "num_local_experts", "n_routed_experts", "kv_lora_rank", "q_lora_rank", "per_layer_config",
        "use_post_norm", "sandwich_norm", "block_configs",
    ]
    private static let queryKeyNorms = ["use_qk_norm", "qk_norm", "qk_layernorm", "use_query_key_norm"]
    private static let queryKeyValueBiases = ["qkv_bias", "use_qkv_bias", "add_qkv_bias", "attention_qkv_bias"]
    private static let activations = ["hidden_activation", "activation_function", "hidden_act_fn"]
    private static let epsilons = [
        "layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "norm_eps", "norm_epsilon", "rms_norm_epsilon",
    ]

    /// - Returns: notes about keys that contradict the one that counts.
    /// - Throws: `badData` naming the first key that has an effect elsewhere.
    static func check(_ reader: ConfigurationReader, _ c: DecoderConfiguration) throws(Fault) -> [String] {
        for key in factors { try refuse(reader, c, key, expected: "1") { $0.doubleValue == 1 } }
        for key in switches { try refuse(reader, c, key, expected: "nothing", unless: isNothing) }
        if !c.blueprint.layers.allSatisfy({ $0.norm(.query) != nil }) {
            for key in queryKeyNorms { try refuse(reader, c, key, expected: "nothing", unless: isNothing) }
        }
        if !c.blueprint.layers.allSatisfy({ $0.biased.contains(.q) }) {
            for key in queryKeyValueBiases { try refuse(reader, c, key, expected: "nothing", unless: isNothing) }
        }
        for key in ["attention_bias", "mlp_bias"] {
            try refuse(reader, c, key, expected: "false", unless: isNothing)
        }
        for key in activations {
            try refuse(reader, c, key, expected: "silu") { ["silu", "swish"].contains($0.stringValue) }
        }
        try refuse(reader, c, "is_causal", expected: "true") { $0.boolValue == true }
        // transformers takes a null for false.
        if reader.isNull("is_causal") {
            throw reader.fault("is_causal", found: "null", expected: "true", advice: advice(c))
        }
        // One entry for each layer: whether it rotates.
        try refuse(reader, c, "no_rope_layers", expected: "1 for every layer") { value in
            value.arrayValue?.allSatisfy { $0.boolValue ?? ($0.integerValue == 1) } ?? false
        }
        let scale = c.blueprint.layers[0].attention.scale
        try refuse(reader, c, "attention_multiplier", expected: "\(scale)") {
            abs(($0.doubleValue ?? .infinity) - scale) <= 1e-6 * scale
        }
        try refuse(reader, c, "query_pre_attn_scalar", expected: "\(c.headDimension)") {
            $0.doubleValue == Double(c.headDimension)
        }
        try refuse(reader, c, "dim_model_base", expected: "\(c.hiddenSize)") {
            $0.doubleValue == Double(c.hiddenSize)
        }
        let thetas = c.blueprint.layers.map(\.attention.rotary.theta)
        for key in ["rotary_emb_base", "rotary_base", "rope_base"] {
            try refuse(reader, c, key, expected: "\(thetas[0]), as rope_theta") { value in
                thetas.allSatisfy { value.doubleValue == $0 }
            }
        }
        for key in epsilons where !reader.has("rms_norm_eps") {
            try refuse(reader, c, key, expected: "\(c.normEpsilon), the default of rms_norm_eps") {
                $0.doubleValue == c.normEpsilon
            }
        }
        return contradictions(reader, c)
    }

    private static func contradictions(_ reader: ConfigurationReader, _ c: DecoderConfiguration) -> [String] {
        var notes: [String] = []
        for key in epsilons where reader.has(key) && reader.value(key)?.doubleValue != c.normEpsilon {
            notes.append("\(reader.file): \(key) and rms_norm_eps differ; rms_norm_eps is used")
        }
        return notes
    }

    private static func isNothing(_ value: JSONValue) -> Bool {
        if let flag = value.boolValue { return !flag }
        if let number = value.doubleValue { return number == 0 }
        return value.objectValue?.isEmpty ?? value.arrayValue?.isEmpty ?? false
    }

    private static func refuse(
        _ reader: ConfigurationReader, _ c: DecoderConfiguration, _ key: String, expected: String,
        unless isWithoutEffect: (JSONValue) -> Bool
    ) throws(Fault) {
        guard !c.family.reads.contains(key), let value = reader.value(key), !isWithoutEffect(value) else { return }
        throw reader.fault(key, found: value.shown, expected: expected, advice: advice(c))
    }

    private static func advice(_ c: DecoderConfiguration) -> String {
        "models of family \(c.family.name) do not compute with this key; use a model whose family is supported, or "
            + "remove the key if it has no effect"
    }
}
