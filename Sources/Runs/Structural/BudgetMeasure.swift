import Decoders
import Recipes
import Structure
import Torch

/// What a structural search counts of a sub-layer, in whole numbers: parameters, bytes, or nanoseconds.
package struct BudgetMeasure {
    let budget: Budget
    let configuration: DecoderConfiguration
    /// Bytes of a written weight of the linears and of a norm's.
    var weightBytes = 4
    var normBytes = 4
    /// Bytes that are written whatever is removed: embeddings and the like.
    var fixedBytes = 0
    /// Where the budget is latency.
    var latency: LatencyTable?

    init(budget: Budget, configuration: DecoderConfiguration) {
        self.budget = budget
        self.configuration = configuration
    }

    /// With the bytes that a run writes.
    package init(budget: Budget, files: BlockFiles) {
        self.init(budget: budget, configuration: files.configuration)
        func bytes(_ name: String) -> Int {
            files.checkpoint.tensor(name).map { files.description($0).type.bitCount / 8 } ?? 4
        }
        weightBytes = bytes(LinearName.down.weightName(layer: 0))
        normBytes = files.configuration.blueprint.layers[0].norms.first.map { bytes($0.weightName(layer: 0)) } ?? 4
        fixedBytes = files.tensors(part: 0).reduce(0) { $0 + files.description($1).byteCount }
    }

    /// - Parameter part: a layer of which only the sub-layer stays; nothing of what has nothing left.
    func size(_ part: LayerShape) -> Int {
        switch budget {
        case .parameters: return configuration.parameterCount(part)
        case .bytes:
            let norms =
                (part.hasAttention ? configuration.normCount(isAttention: true) : 0)
                + (part.hasMLP ? configuration.normCount(isAttention: false) : 0)
            return configuration.parameterCount(part) * weightBytes + norms * normBytes
        // Half-precision keys and values, as servers keep them.
        case .keyValueCache: return 2 * part.keyValueHeadCount * configuration.headDimension * 2
        case .latency: return latency?.nanoseconds(part) ?? 0
        }
    }

    /// The sum over all layers of shapes; of a latency, of the shapes that were measured.
    func total(_ shapes: [LayerShape]) -> Int {
        shapes.reduce(0) { $0 + size($1.attention) + size($1.mlp) }
    }

    /// The most that may stay of some sub-layers when a share of all that counts is to go.
    ///
    /// - Parameters:
    ///   - dense: what they take before.
    ///   - fraction: the share to remove, of them and of what is fixed.
    func budget(dense: Int, removing fraction: Double) -> Int {
        Int((Double(dense + fixed) * (1 - fraction)).rounded(.down)) - fixed
    }

    /// What counts though no search can remove it.
    var fixed: Int { budget == .bytes ? fixedBytes : 0 }

    /// Whether neurons may fill up what a distribution leaves of the budget.
    var isFilledWithNeurons: Bool { budget == .parameters || budget == .bytes }
}

extension LayerShape {
    /// The layer without its MLP, and without its attention.
    var attention: LayerShape {
        LayerShape(headCount: headCount, keyValueHeadCount: keyValueHeadCount, intermediateSize: 0)
    }
    var mlp: LayerShape { LayerShape(headCount: 0, keyValueHeadCount: 0, intermediateSize: intermediateSize) }
}
