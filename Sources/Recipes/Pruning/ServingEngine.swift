import Faults
import Settings

/// Software that a pruned model is to open in.
public enum ServingEngine: String, OptionWord {
    case transformers
    case vllm
    case llamaCpp = "llama.cpp"
    case mlx

    public static let noun = "engine"

    /// What FFN widths are a multiple of, as far as the dense model's are: rows that the engine's quantised kernels
    /// take.
    public var widthMultiple: Int {
        switch self {
        case .transformers: 1
        // Groups of 4-bit weights.
        case .mlx: 64
        // Tiles of the Marlin kernels.
        case .vllm: 128
        // Superblocks of the K-quants.
        case .llamaCpp: 256
        }
    }
}

/// Some of them, "vllm,llama.cpp".
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

    /// What FFN widths are a multiple of for all of them: of powers of two, the largest.
    public var widthMultiple: Int { engines.map(\.widthMultiple).max() ?? 1 }
}
