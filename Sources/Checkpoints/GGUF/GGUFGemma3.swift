import Faults
import JSONText

extension GGUFFamily {
    /// Gemma 3. What its files do not say the format's runtimes know by heart, and so does this.
    static let gemma3 = GGUFFamily(
        name: "gemma3", modelType: "gemma3_text", className: "Gemma3ForCausalLM",
        norms: [
            Norm("attn_norm", "input_layernorm"), Norm("post_attention_norm", "post_attention_layernorm"),
            Norm("ffn_norm", "pre_feedforward_layernorm"), Norm("post_ffw_norm", "post_feedforward_layernorm"),
        ] + Norm.heads,
        addsOneToNorms: true, activation: ("hidden_activation", "gelu_pytorch_tanh"),
        reads: [
            "attention.sliding_window", "attention.sliding_window_pattern", "rope.freq_base_swa",
            "final_logit_softcapping",
        ]
    ) { (metadata, shape) throws(Fault) in
        func wrong(_ key: String, found: String, expected: String) -> Fault {
            Fault(
                .badData, "a value in the GGUF metadata is impossible", file: metadata.file,
                place: "key 'gemma3.\(key)'", found: found, expected: expected)
        }
        // A file without a window has none; the others see everything in each sixth layer.
        let window = try metadata.integer("gemma3.attention.sliding_window") ?? 0
        guard (0...Int(Int32.max)).contains(window) else {
            throw wrong("attention.sliding_window", found: "\(window)", expected: "a number of positions, or 0")
        }
        let period = try metadata.integer("gemma3.attention.sliding_window_pattern") ?? 6
        guard period > 0 else {
            throw wrong("attention.sliding_window_pattern", found: "\(period)", expected: "a positive number")
        }
        let local = try metadata.number("gemma3.rope.freq_base_swa") ?? 10_000
        guard local > 0 else { throw wrong("rope.freq_base_swa", found: "\(local)", expected: "a positive number") }
        let cap = try metadata.number("gemma3.final_logit_softcapping") ?? 0
        guard cap >= 0 else {
            throw wrong("final_logit_softcapping", found: "\(cap)", expected: "a positive number, or 0 for none")
        }
        let types = (0..<shape.layers).map { layer -> JSONValue in
            .string(window > 0 && (layer + 1) % period != 0 ? "sliding_attention" : "full_attention")
        }
        // The file of the 27B does not say that it divides queries by another number than the others: its 62 layers do.
        let scalar = shape.layers == 62 ? shape.hidden / shape.shapes[0].heads : shape.headSize
        return [
            ("attn_logit_softcapping", .null), ("final_logit_softcapping", cap > 0 ? .double(cap) : .null),
            ("layer_types", .array(types)), ("query_pre_attn_scalar", .integer(scalar)),
            ("rope_local_base_freq", .double(local)),
            // Readers want one even where no layer has it.
            ("sliding_window", .integer(window > 0 ? window : shape.context)),
        ]
    }
}
