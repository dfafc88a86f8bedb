import Checkpoints
import Decoders
import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The keys of a GGUF file that say what is computed.
struct GGUFArchitectureKeys {
    let configuration: DecoderConfiguration
    let layout: GGUFLayout
    let family: GGUFFamily
    /// The model's path, for messages.
    let file: String

    /// `general.architecture`
    var architecture: String { layout.isRagged ? "deci" : family.name }

    /// - Throws: `badData` for a rotation or windows that the architecture cannot say.
    func add(to keys: inout GGUFKeys) throws(Fault) {
        let prefix = architecture + "."
        keys.set(prefix + "block_count", layout.layers.count)
        keys.set(prefix + "context_length", configuration.contextLength)
        keys.set(prefix + "embedding_length", configuration.hiddenSize)
        let shapes = layout.layers.map(\.shape)
        for (key, size) in [
            ("feed_forward_length", \LayerShape.intermediateSize), ("attention.head_count", \.headCount),
            ("attention.head_count_kv", \.keyValueHeadCount),
        ] {
            let sizes = shapes.map { $0[keyPath: size] }
            if layout.isRagged { keys.set(prefix + key, sizes) } else { keys.set(prefix + key, sizes[0]) }
        }
        keys.set(prefix + "attention.layer_norm_rms_epsilon", configuration.normEpsilon)
        for key in ["attention.key_length", "attention.value_length", "rope.dimension_count"] {
            keys.set(prefix + key, configuration.headDimension)
        }
        keys.set(prefix + "vocab_size", configuration.vocabularySize)
        let attentions = configuration.blueprint.layers.map(\.attention)
        keys.set(prefix + "rope.freq_base", rotary.theta)
        try add(rotary.scaling, prefix, to: &keys)
        if family.name == "gemma3" { try addGemma(attentions, prefix, to: &keys) }
    }

    /// Llama 3's division of each frequency; nil for other scalings.
    var frequencyFactors: [Float]? {
        guard case .llama3(let factor, let low, let high, let context) = rotary.scaling else { return nil }
        let size = Double(configuration.headDimension)
        return stride(from: 0, to: configuration.headDimension, by: 2).map { index in
            let wavelength = 2 * Double.pi * pow(rotary.theta, Double(index) / size)
            if wavelength < context / high { return 1 }
            if wavelength > context / low { return Float(factor) }
            let smooth = (context / wavelength - low) / (high - low)
            return Float(1 / ((1 - smooth) / factor + smooth))
        }
    }

    /// Of the layers that see everything.
    private var rotary: RotaryConfiguration {
        let attentions = configuration.blueprint.layers.map(\.attention)
        return (attentions.first { $0.window == nil } ?? attentions[0]).rotary
    }

    private func add(
        _ scaling: RotaryConfiguration.Scaling, _ prefix: String, to keys: inout GGUFKeys
    ) throws(Fault) {
        switch scaling {
        case .none, .llama3: return
        case .linear(let factor):
            keys.set(prefix + "rope.scaling.type", "linear")
            keys.set(prefix + "rope.scaling.factor", factor)
        case .yarn(let yarn):
            let usual = yarn.factor <= 1 ? 1 : 0.1 * log(yarn.factor) + 1
            guard yarn.truncates, abs(yarn.attention - usual) < 1e-6,
                yarn.originalContext == yarn.originalContext.rounded()
            else {
                throw Fault(
                    .badData, "a rotary scaling 'yarn' with values of its own cannot be stored", file: file,
                    found: "attention \(yarn.attention), truncate \(yarn.truncates)",
                    expected: "attention \(usual), as it follows from the factor, and truncate true")
            }
            keys.set(prefix + "rope.scaling.type", "yarn")
            keys.set(prefix + "rope.scaling.factor", yarn.factor)
            keys.set(prefix + "rope.scaling.original_context_length", Int(yarn.originalContext))
            keys.set(prefix + "rope.scaling.yarn_beta_fast", yarn.fastRotations)
            keys.set(prefix + "rope.scaling.yarn_beta_slow", yarn.slowRotations)
        }
    }

    private func addGemma(
        _ attentions: [LayerBlueprint.Attention], _ prefix: String, to keys: inout GGUFKeys
    ) throws(Fault) {
        if let cap = configuration.blueprint.logitSoftCap { keys.set(prefix + "final_logit_softcapping", cap) }
        let windows = Set(attentions.compactMap(\.window))
        guard let window = windows.first else { return }
        // Every nth layer sees everything; readers that do not know the key take the sixth.
        let period = ([6] + Array(1...64)).first { period in
            attentions.enumerated().allSatisfy { ($0.element.window == nil) == (($0.offset + 1) % period == 0) }
        }
        guard windows.count == 1, let period else {
            throw Fault(
                .badData, "these sliding windows cannot be stored", file: file, place: "key 'layer_types'",
                found: attentions.map { $0.window.map { "\($0)" } ?? "all" }.joined(separator: " "),
                expected: "one width, and every nth layer without")
        }
        keys.set(prefix + "attention.sliding_window", window)
        if period != 6 { keys.set(prefix + "attention.sliding_window_pattern", period) }
        let local = attentions.first { $0.window != nil }?.rotary
        if let theta = local?.theta, theta != 10_000 { keys.set(prefix + "rope.freq_base_swa", theta) }
    }
}
