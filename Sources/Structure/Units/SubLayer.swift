/// Half of a block.
public struct SubLayer: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case attention
        case mlp
    }

    public var layer: Int
    public var kind: Kind

    public init(layer: Int, kind: Kind) {
        self.layer = layer
        self.kind = kind
    }

    /// All of a model, in the order of the forward pass.
    public static func all(layers: Int) -> [SubLayer] {
        (0..<layers).flatMap { layer in Kind.allCases.map { SubLayer(layer: layer, kind: $0) } }
    }

    /// "00012-mlp", for names of files.
    public var name: String {
        let digits = String(layer)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits + "-" + kind.rawValue
    }
}
