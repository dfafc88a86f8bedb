import Faults

/// A model family: how its `config.json` becomes a blueprint. Each has a file of its own, and a place in `all`.
public struct Family: Sendable {
    /// `model_type` of config.json.
    public let name: String
    /// What transformers takes where the configuration does not say.
    let defaults: Defaults
    /// Keys that it computes with, or knows to count for nothing, which in other families would mean another model.
    let reads: Set<String>
    /// Whether the model's predictions are nonsense for a text that does not begin with BOS: evaluation, calibration
    /// and prompts then put it there.
    public let needsBeginning: Bool
    let blueprint: @Sendable (inout BlueprintReader) throws(Fault) -> DecoderBlueprint

    struct Defaults: Sendable {
        var contextLength: Int
        /// Nil where it is the number of query heads.
        var keyValueHeads: Int?
        /// Nil where it follows from the hidden size.
        var headDimension: Int?
        var tiesWordEmbeddings = false
    }

    init(
        _ name: String, defaults: Defaults, reads: Set<String> = [], needsBeginning: Bool = false,
        blueprint: @escaping @Sendable (inout BlueprintReader) throws(Fault) -> DecoderBlueprint
    ) {
        self.name = name
        self.defaults = defaults
        self.reads = reads
        self.needsBeginning = needsBeginning
        self.blueprint = blueprint
    }

    /// The registry.
    public static let all: [Family] = [.llama, .mistral, .qwen2, .qwen3, .gemma3]
}

extension Family: Hashable {
    public static func == (a: Family, b: Family) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension DecoderBlueprint {
    /// Llama's layers, from which several families differ in few values.
    ///
    /// - Parameters:
    ///   - windows: by layer.
    ///   - normsHeads: whether queries and keys have norms.
    static func llama(
        _ reader: BlueprintReader, rotary: RotaryConfiguration, windows: [Int?], normsHeads: Bool = false,
        biased: Set<LinearName> = []
    ) throws(Fault) -> DecoderBlueprint {
        var norms = [
            Norm(.attentionInput, "input_layernorm"), Norm(.feedForwardInput, "post_attention_layernorm"),
        ]
        if normsHeads { norms += [Norm(.query, "self_attn.q_norm"), Norm(.key, "self_attn.k_norm")] }
        let activation = try reader.silu()
        return DecoderBlueprint(
            layers: windows.map { window in
                LayerBlueprint(
                    norms: norms,
                    attention: .init(rotary: rotary, window: window, scale: reader.usualScale),
                    feedForward: .gated(activation), biased: biased)
            })
    }
}
