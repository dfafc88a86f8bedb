import Faults

/// The keys of a model's architecture that are not read: one that would change the numbers is refused by name unless
/// its value changes nothing, the others are told.
enum GGUFUnreadKeys {
    /// Keys that are read elsewhere, by what follows the architecture's name.
    private static let read: Set<String> = [
        "block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "attention.value_length",
        "attention.layer_norm_rms_epsilon", "expert_count", "rope.dimension_count", "rope.freq_base",
        "rope.scaling.type", "rope.scaling.factor", "rope.scale_linear", "rope.scaling.original_context_length",
        "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow",
    ]

    /// These tell of the model's making, or matter only beside a key that is refused.
    private static let harmless: Set<String> = [
        "vocab_size", "tensor_data_layout", "expert_used_count", "rope.scaling.finetuned",
        "attention.sliding_window_pattern",
    ]

    /// The values with which a key changes nothing.
    private static func neutral(_ suffix: String, _ shape: GGUFArchitecture, isYarn: Bool) -> Neutral? {
        switch suffix {
        case "attention.scale": .numbers([0, 1 / Double(shape.headSize).squareRoot()])
        case "logit_scale", "residual_scale", "embedding_scale", "rope.scaling.alpha": .numbers([0, 1])
        case "attn_logit_softcapping", "final_logit_softcapping", "router_logit_softcapping", "attention.clamp_kqv",
            "attention.max_alibi_bias", "attention.temperature_scale", "attention.temperature_length",
            "attention.shared_kv_layers", "nextn_predict_layers", "n_deepstack_layers",
            "embedding_length_per_layer_input", "rope.scaling.yarn_log_multiplier":
            .numbers([0])
        case "attention.output_scale", "rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor": .numbers([1])
        case "rope.scaling.yarn_ext_factor": .numbers([-1, isYarn ? 1 : 0])
        case "rope.freq_base_swa": .numbers([shape.ropeTheta])
        case "rope.dimension_count_swa": .numbers([Double(shape.headSize)])
        case "embedding_length_out": .numbers([Double(shape.hidden)])
        case "attention.sliding_window": .window(shape.context)
        case "attention.causal": .flag(true)
        case "use_parallel_residual", "swin_norm": .flag(false)
        default: nil
        }
    }

    private enum Neutral {
        case numbers([Double])
        case flag(Bool)
        /// None, or one as wide as the context.
        case window(Int)

        func holds(_ value: GGUFValue) -> Bool {
            switch (self, value) {
            case (.flag(let flag), .bool(let value)): return value == flag
            case (.numbers(let numbers), _):
                return GGUFUnreadKeys.number(value).map { value in
                    // Stored in float32.
                    numbers.contains { abs($0 - value) <= 1e-6 * max(abs($0), 1e-6) }
                } ?? false
            case (.window(let context), _):
                return GGUFUnreadKeys.number(value).map { $0 == 0 || $0 >= Double(context) } ?? false
            default: return false
            }
        }

        var text: String {
            switch self {
            case .numbers(let numbers):
                numbers.map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" }.joined(separator: " or ")
            case .flag(let flag): "\(flag)"
            case .window(let context): "0, or at least the context's \(context)"
            }
        }
    }

    private static func number(_ value: GGUFValue) -> Double? {
        switch value {
        case .integer(let value, _): Double(value)
        case .float32(let value): Double(value)
        case .float64(let value): value
        default: nil
        }
    }

    /// - Returns: warnings.
    /// - Throws: `badData` naming the key.
    static func check(_ metadata: GGUFMetadata, _ shape: GGUFArchitecture) throws(Fault) -> [String] {
        let prefix = shape.family.name + "."
        let isYarn = try metadata.string(prefix + "rope.scaling.type") == "yarn"
        var unread: [String] = []
        for key in metadata.keys {
            let own = key.hasPrefix(prefix)
            let suffix = own ? String(key.dropFirst(prefix.count)) : ""
            if own, suffix == "vocab_size", let size = try metadata.integer(key), !(1...Int(Int32.max)).contains(size) {
                throw Fault(
                    .badData, "a size in the GGUF metadata is impossible", file: metadata.file, place: "key '\(key)'",
                    found: "\(size)", expected: "a positive number up to \(Int32.max)")
            }
            if own, read.contains(suffix) || shape.family.reads.contains(suffix) || harmless.contains(suffix) {
                continue
            }
            guard let value = metadata[key] else { continue }
            let neutral = own ? neutral(suffix, shape, isYarn: isYarn) : nil
            if let neutral, neutral.holds(value) { continue }
            if neutral != nil || key.contains(".rope.") || key.hasPrefix("rope.") {
                throw Fault(
                    .badData, "a key of the GGUF metadata that changes the model's numbers is not supported",
                    file: metadata.file, place: "key '\(key)'", found: value.kindName,
                    expected: neutral.map { "\($0.text), or no such key" } ?? "no such key",
                    advice: "use the model's Hugging Face folder instead")
            }
            guard own else { continue }
            if suffix == "pooling_type" {
                if number(value) != 0 {
                    unread.append("\(key) (the model is made for embeddings)")
                }
            } else {
                unread.append(key)
            }
        }
        guard !unread.isEmpty else { return [] }
        let shown = unread.prefix(8).joined(separator: ", ") + (unread.count > 8 ? ", …" : "")
        return ["\(metadata.file): keys of the architecture that are not read: \(shown)"]
    }
}
