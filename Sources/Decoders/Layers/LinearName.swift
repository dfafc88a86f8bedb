/// A linear of a block. Which a block has, and in which order a forward pass meets them, its blueprint says.
public struct LinearName: Hashable, Sendable {
    public enum Role: String, Sendable {
        case q
        case k
        case v
        case o
        case gate
        case up
        case down
    }

    public let role: Role
    /// Which expert's it is; nil outside of experts.
    public let expert: Int?

    private init(_ role: Role, expert: Int? = nil) {
        self.role = role
        self.expert = expert
    }

    public static let q = LinearName(.q)
    public static let k = LinearName(.k)
    public static let v = LinearName(.v)
    public static let o = LinearName(.o)
    public static let gate = LinearName(.gate)
    public static let up = LinearName(.up)
    public static let down = LinearName(.down)

    /// The linears of one expert.
    public static func expert(_ index: Int) -> [LinearName] {
        [LinearName(.gate, expert: index), LinearName(.up, expert: index), LinearName(.down, expert: index)]
    }

    /// As reports and recipes name it: `q`, or `experts.3.gate`.
    public var rawValue: String { expert.map { "experts.\($0).\(role.rawValue)" } ?? role.rawValue }

    public init?(rawValue: String) {
        let parts = rawValue.split(separator: ".", omittingEmptySubsequences: false)
        guard let role = parts.last.flatMap({ Role(rawValue: String($0)) }) else { return nil }
        if parts.count == 1 {
            self.init(role)
        } else {
            guard parts.count == 3, parts[0] == "experts", let expert = Int(parts[1]), String(expert) == parts[1],
                expert >= 0, [.gate, .up, .down].contains(role)
            else { return nil }
            self.init(role, expert: expert)
        }
    }

    public var isAttention: Bool { [.q, .k, .v, .o].contains(role) }

    /// The name inside a layer of a Hugging Face checkpoint, without `.weight`.
    public var checkpointName: String {
        isAttention
            ? "self_attn.\(role.rawValue)_proj" : "mlp.\(expert.map { "experts.\($0)." } ?? "")\(role.rawValue)_proj"
    }

    /// The full name of the weight in a checkpoint.
    public func weightName(layer: Int) -> String { "model.layers.\(layer).\(checkpointName).weight" }
    public func biasName(layer: Int) -> String { "model.layers.\(layer).\(checkpointName).bias" }

    public var projection: ProjectionName {
        switch role {
        case .q, .k, .v: .qkv
        case .o: .o
        case .gate, .up: ProjectionName(.gateUp, expert: expert)
        case .down: ProjectionName(.down, expert: expert)
        }
    }
}

/// Linears that read the same input: one matrix product, one statistic.
public struct ProjectionName: Hashable, Sendable {
    public enum Role: String, Sendable {
        case qkv
        case o
        case gateUp
        case down
    }

    public let role: Role
    /// Which expert's it is; nil outside of experts.
    public let expert: Int?

    init(_ role: Role, expert: Int? = nil) {
        self.role = role
        self.expert = expert
    }

    public static let qkv = ProjectionName(.qkv)
    public static let o = ProjectionName(.o)
    public static let gateUp = ProjectionName(.gateUp)
    public static let down = ProjectionName(.down)

    public var rawValue: String { expert.map { "experts.\($0).\(role.rawValue)" } ?? role.rawValue }

    public var linears: [LinearName] {
        switch role {
        case .qkv: [.q, .k, .v]
        case .o: [.o]
        case .gateUp: expert.map { Array(LinearName.expert($0).prefix(2)) } ?? [.gate, .up]
        case .down: expert.map { Array(LinearName.expert($0).suffix(1)) } ?? [.down]
        }
    }
}
