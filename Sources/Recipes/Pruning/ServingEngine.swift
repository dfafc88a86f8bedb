import Faults
import Settings

/// Software that a pruned model is to open in.
public enum ServingEngine: String, OptionWord {
    case transformers
    case vllm
    case sglang
    case llamaCpp = "llama.cpp"
    case mlx

    public static let noun = "engine"

    /// How a model is stored for it.
    ///
    /// - Parameter isUniform: whether all layers have the same shape.
    public func layout(isUniform: Bool) -> ServingLayout {
        switch self {
        case .llamaCpp: .gguf
        case .transformers: isUniform ? .plain : .transformers
        case .vllm, .sglang, .mlx: isUniform ? .plain : .deci
        }
    }

    /// What MLP widths are a multiple of, as far as the dense model's are: what the engine's quantised kernels take,
    /// and what it reads where layers differ.
    public func widthMultiple(isUniform: Bool) -> Int {
        switch self {
        case .transformers: StructuralWidths.multiple
        // Blocks of the quantised types.
        case .llamaCpp: 32
        // Tiles of the Marlin kernels.
        case .vllm: 128
        // Where layers differ, both read widths as factors that stand for multiples of 256.
        case .sglang: isUniform ? 128 : 256
        // Groups of 4-bit weights.
        case .mlx: isUniform ? 64 : 256
        }
    }
}

/// Widths of MLPs.
public enum StructuralWidths {
    /// What kernels for numbers of two and four bytes are built for: another width takes as long as the next multiple.
    public static let multiple = 8
}

/// Some engines, "vllm,llama.cpp".
public struct ServingEngines: OptionValue, Hashable {
    public let engines: [ServingEngine]

    public init(parsing text: String) throws(Fault) {
        var list: [ServingEngine] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let engine = try ServingEngine(parsing: String(word))
            if !list.contains(engine) { list.append(engine) }
        }
        engines = list
    }

    public var text: String { engines.map(\.text).joined(separator: ",") }

    /// What MLP widths are a multiple of for all of them: of powers of two, the largest.
    public func widthMultiple(isUniform: Bool) -> Int {
        engines.map { $0.widthMultiple(isUniform: isUniform) }.max() ?? 1
    }
}
