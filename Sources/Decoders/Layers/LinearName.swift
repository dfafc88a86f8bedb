/// The linears of a block, in the order in which a forward pass meets them.
public enum LinearName: String, CaseIterable, Sendable {
    case q
    case k
    case v
    case o
    case gate
    case up
    case down

    /// The name inside a layer of a Hugging Face checkpoint, without `.weight`.
    public var checkpointName: String {
        switch self {
        case .q, .k, .v, .o: "self_attn.\(rawValue)_proj"
        case .gate, .up, .down: "mlp.\(rawValue)_proj"
        }
    }

    /// The full name of the weight in a checkpoint.
    public func weightName(layer: Int) -> String { "model.layers.\(layer).\(checkpointName).weight" }
    public func biasName(layer: Int) -> String { "model.layers.\(layer).\(checkpointName).bias" }

    public var projection: ProjectionName {
        switch self {
        case .q, .k, .v: .qkv
        case .o: .o
        case .gate, .up: .gateUp
        case .down: .down
        }
    }
}

/// Linears that read the same input: one matrix product, one statistic.
public enum ProjectionName: String, CaseIterable, Sendable {
    case qkv
    case o
    case gateUp
    case down

    public var linears: [LinearName] {
        switch self {
        case .qkv: [.q, .k, .v]
        case .o: [.o]
        case .gateUp: [.gate, .up]
        case .down: [.down]
        }
    }
}
