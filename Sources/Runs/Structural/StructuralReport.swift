import Decoders
import JSONText

/// What a structural run tells beside its blocks.
public struct StructuralReport {
    /// A step of the search: the KL to the dense model behind it.
    public struct Step: Equatable, Sendable {
        public var kind: String
        public var fitness: Double
    }

    public let steps: [Step]
    public let layers: [LayerShape]
    /// Whether all layers are alike, so that the folder is a plain model of its family.
    public let isPlain: Bool

    init(steps: [DistributionSearch.Step], files: BlockFiles) {
        self.steps = steps.map { Step(kind: $0.kind, fitness: $0.fitness) }
        layers = files.configuration.layers
        isPlain = files.configuration.isUniform && layers[0].hasAttention && layers[0].hasMLP
    }

    var json: JSONValue {
        .object([
            "plain": .bool(isPlain),
            "layers": .array(layers.map(\.json)),
            "search": .array(
                steps.map { .object(["step": .string($0.kind), "kl": .double($0.fitness)]) }),
        ])
    }
}
