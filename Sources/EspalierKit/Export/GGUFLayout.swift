import Checkpoints
import Decoders
import Faults

/// Which layers a GGUF file gets for those of a model.
///
/// Layers of one shape are stored under the family's own architecture. `deci` holds a shape for each layer, but
/// llama.cpp computes something else for a layer with attention and no MLP, aborts when the last layer has no MLP, and
/// does not open a file whose first layer has no attention. Zeros in the missing half add nothing to the residual: with
/// them those layers compute the same, and open. A layer with neither half is left out, which is the same.
struct GGUFLayout: Equatable {
    struct Layer: Equatable {
        /// The model's layer.
        var source: Int
        /// With the halves of zeros.
        var shape: LayerShape
        /// Whether its attention is one head of zeros.
        var hasZeroAttention = false
        /// Whether its MLP is some neurons of zeros.
        var hasZeroMLP = false
    }

    /// Whether shapes differ from layer to layer.
    var isRagged: Bool
    var layers: [Layer]
    /// The model's layers that are left out.
    var dropped: [Int] = []

    /// Neurons of an MLP of zeros: a block of the quantised types.
    static let sliver = 32

    init(_ configuration: DecoderConfiguration) {
        let shapes = configuration.layers
        isRagged = !configuration.isUniform || !shapes[0].hasAttention || !shapes[0].hasMLP
        layers = shapes.enumerated().map { Layer(source: $0.offset, shape: $0.element) }
        guard isRagged else { return }
        dropped = layers.filter { !$0.shape.hasAttention && !$0.shape.hasMLP }.map(\.source)
        layers.removeAll { !$0.shape.hasAttention && !$0.shape.hasMLP }
        for index in layers.indices {
            if !layers[index].shape.hasMLP {
                layers[index].shape.intermediateSize = GGUFLayout.sliver
                layers[index].hasZeroMLP = true
            }
            if index == 0, !layers[index].shape.hasAttention {
                layers[index].shape.headCount = 1
                layers[index].shape.keyValueHeadCount = 1
                layers[index].hasZeroAttention = true
            }
        }
    }

    /// The architecture's name and how its tensors are stored.
    ///
    /// - Throws: `badData` for what the format's architectures do not compute.
    func family(_ configuration: DecoderConfiguration, file: String) throws(Fault) -> GGUFFamily {
        func refuse(_ summary: String, found: String, expected: String, advice: String? = nil) -> Fault {
            Fault(.badData, summary, file: file, found: found, expected: expected, advice: advice)
        }
        let name = configuration.family.name
        guard let family = GGUFFamily.storing(modelType: name) else {
            throw refuse(
                "GGUF has no architecture for this family that is written here", found: name,
                expected: "llama, mistral, qwen2, qwen3 or gemma3_text")
        }
        guard !layers.isEmpty else {
            throw refuse("no layer is left of the model", found: "0 layers", expected: "one layer at least")
        }
        let blueprint = configuration.blueprint
        if isRagged {
            guard family.name == "llama", blueprint.layers.allSatisfy(\.biased.isEmpty) else {
                throw refuse(
                    "layers of different shapes can be stored for Llama's layers without biases only",
                    found: name + (family.name == "llama" ? " with biases" : ""), expected: "llama or mistral",
                    advice: "prune with --uniform, so that all layers have the same shape")
            }
        }
        let attentions = blueprint.layers.map(\.attention)
        guard attentions.allSatisfy({ $0.softCap == nil }) else {
            throw refuse(
                "a cap on attention's products cannot be stored", found: "attn_logit_softcapping",
                expected: "none")
        }
        guard family.name == "gemma3" else {
            if let window = attentions.compactMap(\.window).min(), window < configuration.contextLength {
                throw refuse(
                    "a sliding window cannot be stored for this family: readers would pass over it",
                    found: "\(window) positions, with a context of \(configuration.contextLength)",
                    expected: "no window, or one as long as the context",
                    advice: "set max_position_embeddings of config.json to the window's \(window), and serve no longer "
                        + "texts")
            }
            return family
        }
        // What readers know by heart, and the file does not say.
        let scalar =
            layers.count == 62
            ? configuration.hiddenSize / configuration.layers[0].headCount : configuration.headDimension
        let scale = 1 / Double(scalar).squareRoot()
        guard attentions.allSatisfy({ abs($0.scale / scale - 1) < 1e-6 }) else {
            throw refuse(
                "readers of GGUF would scale attention by another number",
                found: "query_pre_attn_scalar \(1 / (attentions[0].scale * attentions[0].scale))",
                expected: "\(scalar)")
        }
        return family
    }
}
