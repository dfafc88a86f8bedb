/// The model families, as differences from Llama's block.
public enum Family: String, CaseIterable, Sendable {
    case llama
    case mistral
    case qwen2
    case qwen3

    /// q, k and v always carry biases.
    var queryKeyValueBias: Bool { self == .qwen2 }
    /// `attention_bias` in the configuration also adds one to the output projection.
    var readsAttentionBias: Bool { self == .llama || self == .qwen3 }
    var readsMLPBias: Bool { self == .llama }
    var queryKeyNorm: Bool { self == .qwen3 }
    /// `sliding_window` counts only with `use_sliding_window`, and only for some layers.
    var hasOptionalWindow: Bool { self == .qwen2 || self == .qwen3 }
    var hasWindow: Bool { self == .mistral || hasOptionalWindow }
    /// transformers' default where the configuration does not say.
    var defaultContextLength: Int {
        switch self {
        case .llama: 2048
        case .mistral: 131_072
        case .qwen2, .qwen3: 32_768
        }
    }
    /// transformers' default where the configuration does not say; nil where it is the number of query heads.
    var defaultKeyValueHeads: Int? {
        switch self {
        case .llama: nil
        case .mistral: 8
        case .qwen2, .qwen3: 32
        }
    }
    /// transformers' default where the configuration does not say; nil where it follows from the hidden size.
    var defaultHeadDimension: Int? { self == .qwen3 ? 128 : nil }
    static let defaultTheta = 10_000.0
    /// The window of the families that have one, where the configuration does not mention it at all.
    static let defaultWindow = 4096
}
