import Checkpoints
import Faults
import JSONText

/// What a decoder-only transformer is made of, read from `config.json`: its sizes, and the blueprint that its family
/// makes.
public struct DecoderConfiguration: Equatable, Sendable {
    public var family: Family
    public var vocabularySize: Int
    public var hiddenSize: Int
    public var headDimension: Int
    /// Heads and widths of every layer.
    public var layers: [LayerShape]
    public var normEpsilon: Double
    public var contextLength: Int
    public var tiesWordEmbeddings: Bool
    /// What is computed, layer by layer.
    public var blueprint: DecoderBlueprint

    /// - Throws: `Fault` of kind `badData` naming the key, what was found and what was expected.
    public init(_ json: JSONObject, file: String) throws(Fault) {
        var notes: [String] = []
        try self.init(json, file: file, notes: &notes)
    }

    /// - Parameter notes: takes on what a person should know of this file: keys that contradict each other, and keys
    ///   that count for nothing here though they look as if they did.
    /// - Throws: `Fault` of kind `badData` naming the key, what was found and what was expected.
    public init(_ json: JSONObject, file: String, notes: inout [String]) throws(Fault) {
        let reader = ConfigurationReader(json, file: file)
        let compact = try CompactConfiguration(json, file: file)
        if let compact { family = compact.family } else { family = try reader.family() }
        let widest = ConfigurationReader.widest
        hiddenSize = try reader.positive("hidden_size", atMost: widest)
        let layerCount = try reader.positive("num_hidden_layers", atMost: ConfigurationReader.deepest)
        let headCount = try reader.positive("num_attention_heads", atMost: widest)
        // A null means as many as query heads; an absent key the family's default.
        let keyValueHeadCount = try reader.positive(
            "num_key_value_heads",
            default: reader.isNull("num_key_value_heads") ? headCount : family.defaults.keyValueHeads ?? headCount)
        let shape = LayerShape(
            headCount: headCount, keyValueHeadCount: keyValueHeadCount,
            intermediateSize: try reader.positive("intermediate_size", atMost: widest))
        vocabularySize = try reader.positive("vocab_size")
        contextLength = try reader.positive("max_position_embeddings", default: family.defaults.contextLength)
        guard headCount % keyValueHeadCount == 0 else {
            throw reader.fault(
                "num_key_value_heads", found: "\(keyValueHeadCount) with \(headCount) attention heads",
                expected: "a divisor of num_attention_heads",
                advice: reader.has("num_key_value_heads")
                    ? nil : "name num_key_value_heads: this family's default is \(keyValueHeadCount)")
        }
        if let size = family.defaults.headDimension, !reader.has("head_dim") {
            headDimension = size
        } else if reader.has("head_dim") {
            headDimension = try reader.positive("head_dim", atMost: widest)
        } else {
            guard hiddenSize % headCount == 0 else {
                throw reader.fault(
                    "hidden_size", found: "\(hiddenSize) with \(headCount) attention heads and no head_dim",
                    expected: "a multiple of num_attention_heads, or an explicit head_dim")
            }
            headDimension = hiddenSize / headCount
        }
        guard headDimension % 2 == 0 else {
            throw reader.fault("head_dim", found: "\(headDimension)", expected: "an even number")
        }
        normEpsilon = try reader.number("rms_norm_eps", default: 1e-6)
        guard normEpsilon >= 0, normEpsilon < 1 else {
            throw reader.fault("rms_norm_eps", found: "\(normEpsilon)", expected: "a small positive number")
        }
        tiesWordEmbeddings = try reader.flag("tie_word_embeddings", default: family.defaults.tiesWordEmbeddings)
        var parts = BlueprintReader(
            reader, layerCount: layerCount, hiddenSize: hiddenSize, headDimension: headDimension,
            contextLength: contextLength)
        blueprint = try family.blueprint(&parts)
        layers = Array(repeating: shape, count: layerCount)
        if let compact {
            guard compact.layers.count == layerCount else {
                throw reader.fault(
                    "num_hidden_layers", found: "\(layerCount) with \(compact.layers.count) entries of espalier.layers",
                    expected: "one entry for each layer")
            }
            layers = compact.layers
        }
        let mostHeads = max(headCount, self.widest.headCount)
        guard mostHeads * headDimension <= widest else {
            throw reader.fault(
                "head_dim", found: "\(headDimension) with \(mostHeads) attention heads",
                expected: "all heads together at most \(widest) wide")
        }
        if blueprint.layers.contains(where: { $0.experts != nil }) {
            throw reader.fault(
                "model_type", found: "a mixture of experts", expected: "dense layers",
                advice: "mixtures of experts are not supported; use a dense model")
        }
        notes += parts.notes
        notes += try ForeignKeys.check(reader, self)
    }

    public var layerCount: Int { layers.count }
    /// Whether all layers have the same shape.
    public var isUniform: Bool { layers.allSatisfy { $0 == layers[0] } }
    /// The largest head counts and width of any layer.
    public var widest: LayerShape {
        LayerShape(
            headCount: layers.map(\.headCount).max() ?? 0,
            keyValueHeadCount: layers.map(\.keyValueHeadCount).max() ?? 0,
            intermediateSize: layers.map(\.intermediateSize).max() ?? 0)
    }

    /// Rows and columns of a linear's weight; of a layer without it, nothing by the hidden size.
    public func shape(of linear: LinearName, layer: Int) -> (out: Int, in: Int) {
        shape(of: linear, in: layers[layer])
    }

    public func shape(of linear: LinearName, in shape: LayerShape) -> (out: Int, in: Int) {
        switch linear.role {
        case .q: (shape.headCount * headDimension, hiddenSize)
        case .k, .v: (shape.keyValueHeadCount * headDimension, hiddenSize)
        case .o: (hiddenSize, shape.headCount * headDimension)
        case .gate, .up: (shape.intermediateSize, hiddenSize)
        case .down: (hiddenSize, shape.intermediateSize)
        }
    }

    /// Whether a layer has a linear.
    public func has(_ linear: LinearName, layer: Int) -> Bool { layers[layer].has(linear) }

    /// The linears that a layer has, in the order in which a forward pass meets them.
    public func linears(layer: Int) -> [LinearName] {
        blueprint.layers[layer].linears.filter { has($0, layer: layer) }
    }

    /// All linears that some layer's blueprint has.
    public var linears: [LinearName] {
        var seen: Set<LinearName> = []
        return blueprint.layers.flatMap(\.linears).filter { seen.insert($0).inserted }
    }

    /// Weights of a layer's linears.
    public func weightCount(layer: Int) -> Int {
        blueprint.layers[layer].linears.reduce(0) {
            $0 + shape(of: $1, layer: layer).out * shape(of: $1, layer: layer).in
        }
    }

    /// Weights and biases of a layer's linears.
    public func parameterCount(layer: Int) -> Int {
        parameterCount(layers[layer])
    }

    /// The same of any layer of some shape: a family's layers differ in their shapes, not in their linears.
    public func parameterCount(_ shape: LayerShape) -> Int {
        blueprint.layers[0].linears.filter(shape.has).reduce(0) { sum, linear in
            let size = self.shape(of: linear, in: shape)
            return sum + size.out * size.in + (hasBias(linear, layer: 0) ? size.out : 0)
        }
    }

    /// The same model with other shapes.
    public func with(layers: [LayerShape]) -> DecoderConfiguration {
        var copy = self
        copy.layers = layers
        return copy
    }

    public func hasBias(_ linear: LinearName, layer: Int) -> Bool {
        blueprint.layers[layer].biased.contains(linear)
    }

    /// What a layer's feed-forward part is a mixture of, where it is one and is there.
    public func experts(layer: Int) -> LayerBlueprint.Experts? {
        layers[layer].hasMLP ? blueprint.layers[layer].experts : nil
    }

    /// How many positions a token sees, itself included, in each layer; nil is all before it.
    public var windows: [Int?] { blueprint.layers.map(\.attention.window) }

    /// The norms of a layer's sub-layers that are there.
    public func norms(layer: Int) -> [Norm] { blueprint.layers[layer].norms.filter { layers[layer].has($0.place) } }

    /// Numbers in the norms that go with a sub-layer.
    public func normCount(isAttention: Bool) -> Int {
        blueprint.layers[0].norms.filter { $0.place.isAttention == isAttention }.reduce(0) { $0 + width(of: $1) }
    }

    /// What a norm multiplies, one number each.
    public func width(of norm: Norm) -> Int { norm.place.isHead ? headDimension : hiddenSize }

    /// Multiply-adds × 2 of one block's matrix products for sequences of `tokens`, one of them; attention counted over
    /// the positions each query may see.
    public func blockOperations(layer: Int, tokens: Int) -> Double {
        // Positions that a query sees in the mean, for its products with the keys and with the values.
        var seen = Double(tokens + 1)
        if let window = blueprint.layers[layer].attention.window, window < tokens {
            seen = Double(window) * (2 * Double(tokens) - Double(window) + 1) / Double(tokens)
        }
        let attention = Double(layers[layer].headCount * headDimension) * seen
        return 2 * Double(tokens) * (Double(weightCount(layer: layer)) + attention)
    }
}
