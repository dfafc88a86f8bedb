import Decoders
import Faults
import Recipes

/// What a layout cannot hold, and why.
extension ServingLayout {
    package struct Refusal: Equatable, Sendable {
        package var reason: String
        package var found: String
        package var expected: String
    }

    /// Why the layout cannot have layers of different shapes of a model; nil where it can.
    package func refusal(of configuration: DecoderConfiguration) -> Refusal? {
        let family = configuration.family.name
        let isBiased = !configuration.blueprint.layers.allSatisfy(\.biased.isEmpty)
        func refuse(_ families: [String], _ reason: String) -> Refusal? {
            guard !families.contains(family) || isBiased else { return nil }
            return Refusal(
                reason: reason, found: family + (families.contains(family) ? " with biases" : ""),
                expected: families.joined(separator: " or ") + " without biases")
        }
        switch self {
        case .plain:
            return Refusal(
                reason: "it has one shape for all layers", found: "layers of different shapes",
                expected: "layers that are alike")
        case .gguf:
            return refuse(["llama", "mistral"], "llama.cpp computes layers of different shapes for Llama's only")
        case .deci: return refuse(["llama"], "its readers compute Llama's layers only")
        case .transformers, .padded: return nil
        }
    }
}

extension ServingEngine {
    /// Why the engine cannot open a model, whatever the search finds; nil where it can.
    ///
    /// - Parameter isUniform: whether its layers stay alike.
    package func refusal(of configuration: DecoderConfiguration, isUniform: Bool) -> ServingLayout.Refusal? {
        if self == .llamaCpp, let refusal = ServingEngine.windowRefusal(configuration) { return refusal }
        guard !isUniform else { return nil }
        let layout = layout(isUniform: false)
        if let refusal = layout.refusal(of: configuration) { return refusal }
        guard layout == .deci else { return nil }
        let multiple = widthMultiple(isUniform: false)
        if self != .vllm,
            let width = configuration.layers.map(\.intermediateSize).first(where: { !$0.isMultiple(of: multiple) })
        {
            return ServingLayout.Refusal(
                reason: "it reads widths as multiples of \(multiple) where layers differ", found: "a width of \(width)",
                expected: "multiples of \(multiple)")
        }
        let (heads, size) = (configuration.widest.headCount, configuration.headDimension)
        let hidden = configuration.hiddenSize
        if self == .mlx, hidden % size != 0 || heads > hidden / size {
            return ServingLayout.Refusal(
                reason: "where layers differ it counts on heads that together are as wide as the hidden state",
                found: "\(heads) heads of \(size)", expected: "\(hidden) together")
        }
        return nil
    }

    /// GGUF's readers know windows of Gemma's only, and pass over others, which changes what is computed.
    private static func windowRefusal(_ configuration: DecoderConfiguration) -> ServingLayout.Refusal? {
        let windows = configuration.blueprint.layers.compactMap(\.attention.window)
        guard configuration.family.name != "gemma3_text", let window = windows.min(),
            window < configuration.contextLength
        else { return nil }
        return ServingLayout.Refusal(
            reason: "it would pass over the sliding window of this family",
            found: "\(window) positions, with a context of \(configuration.contextLength)",
            expected: "no window, or one as long as the context")
    }

    /// What the engine, and the layout that it opens, cannot hold, and what is done about it.
    ///
    /// - Parameter isAsked: whether the search keeps to it, since the run is for this engine.
    package func limits(isUniform: Bool, isAsked: Bool) -> [String] {
        let multiple = widthMultiple(isUniform: isUniform)
        func widths(_ reason: String) -> String {
            isAsked
                ? "MLP widths are kept in multiples of \(multiple), as far as the model's own are, \(reason)"
                : "MLP widths that are no multiple of \(multiple) do not suit it, \(reason); --for \(text) avoids them"
        }
        let kernels = "for its quantized kernels"
        guard !isUniform else { return self == .transformers ? [] : [widths(kernels)] }
        switch self {
        case .transformers:
            return ["trust_remote_code is needed, for the model's code in the folder"]
        case .llamaCpp:
            return [
                widths("for its blocks of 32 (K-quants have 256, and store other rows in a type with 32)"),
                "a layer without MLP gets one of 32 neurons of zeros, a first layer without attention a head of zeros",
            ]
        case .vllm, .sglang, .mlx:
            return [
                "all layers have one number of query heads, or none: "
                    + (isAsked
                        ? "a layer keeps all or none, the first all"
                        : "a layer with fewer gets heads of zeros; --for \(text) keeps all or none"),
                widths(self == .vllm ? kernels : "since it reads no others where layers differ"),
                "trust_remote_code is needed, for the configuration's class only",
            ]
        }
    }
}

extension PruneSettings.StructuralSettings {
    /// Whether a layer keeps all of its query heads or none, and the first one all: a layout that has one number of
    /// them for all layers would fill up any other with heads of zeros.
    package var keepsQueryHeads: Bool {
        !isUniform && (engines?.engines ?? []).contains { $0.layout(isUniform: false) == .deci }
    }

    /// - Throws: `usage` for an engine that cannot open what the run would make of a model.
    package func checkEngines(_ configuration: DecoderConfiguration) throws(Fault) {
        for engine in engines?.engines ?? [] {
            if let refusal = engine.refusal(of: configuration, isUniform: true) {
                throw Fault(
                    .usage, "\(engine.text) cannot open this model: \(refusal.reason)", place: "--for",
                    found: refusal.found, expected: refusal.expected, advice: "leave \(engine.text) out")
            }
            guard !isUniform, let refusal = engine.refusal(of: configuration, isUniform: false) else { continue }
            throw Fault(
                .usage, "\(engine.text) cannot open this model with layers of different shapes: \(refusal.reason)",
                place: "--for", found: refusal.found, expected: refusal.expected,
                advice: "add --uniform, which makes all layers alike, or leave \(engine.text) out")
        }
    }
}
