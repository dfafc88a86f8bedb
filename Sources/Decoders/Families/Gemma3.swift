import Faults

extension Family {
    /// Gemma 3's text models: norms before and after both sub-layers, GELU, scaled embeddings, and for each layer
    /// that sees everything several with a window and rotary frequencies of their own.
    public static let gemma3 = Family(
        "gemma3_text",
        defaults: Defaults(
            contextLength: 131_072, keyValueHeads: 4, headDimension: 256, tiesWordEmbeddings: true),
        reads: [
            "attention_bias", "hidden_activation", "query_pre_attn_scalar", "sliding_window_pattern",
            "final_logit_softcapping",
        ],
        needsBeginning: true
    ) { (reader) throws(Fault) in
        let keys = reader.keys
        let (global, local) = (
            try reader.rotary(
                kind: "full_attention", thetaKey: "rope_theta", defaultTheta: 1_000_000, takesScaling: true),
            try reader.rotary(
                kind: "sliding_attention", thetaKey: "rope_local_base_freq", defaultTheta: 10_000,
                takesScaling: false)
        )
        let gelu = try reader.activation(
            "hidden_activation", ["gelu_pytorch_tanh": .geluTanh], default: .geluTanh, expected: "gelu_pytorch_tanh")
        // Another family's name of the same; transformers does not read it here.
        _ = try reader.activation(
            "hidden_act", ["gelu_pytorch_tanh": .geluTanh], default: gelu, expected: "gelu_pytorch_tanh")
        let scalar = try keys.number("query_pre_attn_scalar", default: 256)
        guard scalar > 0 else {
            throw keys.fault("query_pre_attn_scalar", found: "\(scalar)", expected: "a positive number")
        }
        let hasBias = try keys.flag("attention_bias", default: false)
        let norms: [(Norm.Place, String)] = [
            (.attentionInput, "input_layernorm"), (.attentionOutput, "post_attention_layernorm"),
            (.feedForwardInput, "pre_feedforward_layernorm"), (.feedForwardOutput, "post_feedforward_layernorm"),
            (.query, "self_attn.q_norm"), (.key, "self_attn.k_norm"),
        ]
        let windows = try reader.windows(.pattern(default: 4096, period: 6), family: "gemma3_text")
        var blueprint = DecoderBlueprint(
            layers: windows.map { window in
                LayerBlueprint(
                    norms: norms.map { Norm($0.0, $0.1, gain: .onePlusWeight) },
                    attention: .init(
                        rotary: window == nil ? global : local, window: window, scale: 1 / scalar.squareRoot()),
                    feedForward: .gated(gelu), biased: hasBias ? [.q, .k, .v, .o] : [])
            })
        blueprint.finalNorm = .onePlusWeight
        blueprint.embeddingScale = Double(reader.hiddenSize).squareRoot()
        // A null counts as absent; zero would divide by it.
        if let cap = keys.has("final_logit_softcapping") ? try keys.number("final_logit_softcapping") : nil {
            guard cap > 0 else {
                throw keys.fault("final_logit_softcapping", found: "\(cap)", expected: "a positive number, or null")
            }
            blueprint.logitSoftCap = cap
        }
        return blueprint
    }
}
