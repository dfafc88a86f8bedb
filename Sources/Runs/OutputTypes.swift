import Checkpoints
import JSONText
import Settings

/// The number type in which each tensor is written.
public struct OutputTypes: Sendable {
    private let checkpoint: Checkpoint
    private let choice: NumberFormat

    public init(_ checkpoint: Checkpoint, choice: NumberFormat) {
        self.checkpoint = checkpoint
        self.choice = choice
    }

    /// Float16 for what was quantised (its 4- or 8-bit values fit), the source's own type otherwise, or the one asked
    /// for. Tensors that are not floating-point stay as they are.
    public func type(of tensor: TensorDescription) -> StoredType {
        guard tensor.type.isFloatingPoint else { return tensor.type }
        switch choice {
        case .float32: return .f32
        case .float16: return .f16
        case .bfloat16: return .bf16
        case .auto: return checkpoint.isQuantised ? .f16 : tensor.type
        }
    }

    /// What config.json says of the weights when they are not as the source's config says.
    public var configurationName: String? {
        switch choice {
        case .auto: checkpoint.isQuantised ? "float16" : nil
        default: choice.rawValue
        }
    }

    /// The source's configuration with the number type as written, everything else untouched.
    public var configuration: JSONObject {
        let source = checkpoint.configuration
        guard let name = configurationName else { return source }
        // Both names of the key where both are there: readers differ in which of them they take.
        let keys = ["dtype", "torch_dtype"].filter { source[$0] != nil }
        return source.edited(
            (keys.isEmpty ? ["torch_dtype"] : keys).map { ConfigurationEdit($0, value: .string(name)) })
    }
}
