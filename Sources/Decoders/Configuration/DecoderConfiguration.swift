import Faults
import JSONText

/// What a decoder-only transformer of the Llama kind is made of, read from `config.json`.
///
/// Families differ only in these values (see `Family`); there is one block.
public struct DecoderConfiguration: Equatable, Sendable {
    public var family: Family
    public var vocabularySize: Int
    public var hiddenSize: Int
    public var layerCount: Int
    public var headCount: Int
    public var keyValueHeadCount: Int
    public var headDimension: Int
    public var intermediateSize: Int
    public var normEpsilon: Double
    public var rotary: RotaryConfiguration
    public var contextLength: Int
    public var tiesWordEmbeddings: Bool
    /// Biases on q, k and v.
    public var hasQueryKeyValueBias: Bool
    public var hasOutputBias: Bool
    public var hasMLPBias: Bool
    /// RMS norms on every query and key head before the rotation.
    public var hasQueryKeyNorm: Bool
    /// How many positions a token sees, itself included, in each layer; nil is all before it.
    public var windows: [Int?]

    /// - Throws: `Fault` of kind `badData` naming the key, what was found and what was expected.
    public init(_ json: JSONObject, file: String) throws(Fault) {
        let reader = ConfigurationReader(json, file: file)
        family = try reader.family()
        hiddenSize = try reader.positive("hidden_size")
        layerCount = try reader.positive("num_hidden_layers")
        headCount = try reader.positive("num_attention_heads")
        keyValueHeadCount = try reader.positive("num_key_value_heads", default: headCount)
        intermediateSize = try reader.positive("intermediate_size")
        vocabularySize = try reader.positive("vocab_size")
        contextLength = try reader.positive("max_position_embeddings", default: family.defaultContextLength)
        guard headCount % keyValueHeadCount == 0 else {
            throw reader.fault(
                "num_key_value_heads", found: "\(keyValueHeadCount) with \(headCount) attention heads",
                expected: "a divisor of num_attention_heads")
        }
        if reader.has("head_dim") {
            headDimension = try reader.positive("head_dim", default: hiddenSize / headCount)
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
        tiesWordEmbeddings = try reader.flag("tie_word_embeddings", default: false)
        let attentionBias = try reader.flag("attention_bias", default: family.queryKeyValueBias)
        hasQueryKeyValueBias = family.queryKeyValueBias || attentionBias
        hasOutputBias = family.readsAttentionBias && attentionBias
        hasMLPBias = family.readsMLPBias ? try reader.flag("mlp_bias", default: false) : false
        hasQueryKeyNorm = family.queryKeyNorm
        rotary = try reader.rotary()
        try reader.expect("hidden_act", "silu", default: "silu")
        windows = try reader.windows(family: family, layers: layerCount)
    }

    public var queryWidth: Int { headCount * headDimension }
    public var keyValueWidth: Int { keyValueHeadCount * headDimension }

    /// Rows and columns of a linear's weight.
    public func shape(of linear: LinearName) -> (out: Int, in: Int) {
        switch linear {
        case .q: (queryWidth, hiddenSize)
        case .k, .v: (keyValueWidth, hiddenSize)
        case .o: (hiddenSize, queryWidth)
        case .gate, .up: (intermediateSize, hiddenSize)
        case .down: (hiddenSize, intermediateSize)
        }
    }

    public func hasBias(_ linear: LinearName) -> Bool {
        switch linear {
        case .q, .k, .v: hasQueryKeyValueBias
        case .o: hasOutputBias
        case .gate, .up, .down: hasMLPBias
        }
    }

    /// Multiply-adds × 2 of one block's matrix products for sequences of `tokens`, one of them; attention counted over
    /// the positions each query may see.
    public func blockOperations(tokens: Int) -> Double {
        let weights = LinearName.allCases.reduce(0) { $0 + shape(of: $1).out * shape(of: $1).in }
        let attention = 2 * queryWidth * (tokens + 1) / 2
        return 2 * Double(tokens) * Double(weights + attention)
    }
}

/// How positions turn into angles.
public struct RotaryConfiguration: Equatable, Sendable {
    public enum Scaling: Equatable, Sendable {
        case none
        /// Positions divided by the factor.
        case linear(factor: Double)
        /// Llama 3.1's: low frequencies divided by the factor, high ones kept, a ramp between.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalContext: Double)
    }
    public var theta: Double
    public var scaling: Scaling
}
