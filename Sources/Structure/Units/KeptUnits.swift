import Decoders
import Torch

/// A key-value head with the query heads that read it.
public struct HeadGroup: Hashable, Sendable {
    public var keyValueHead: Int
    /// Ascending.
    public var queryHeads: [Int]

    public init(keyValueHead: Int, queryHeads: [Int]) {
        self.keyValueHead = keyValueHead
        self.queryHeads = queryHeads
    }
}

/// What stays of a sub-layer, by the numbers that heads and neurons have in the dense model.
public enum KeptUnits: Hashable, Sendable {
    /// Every group with equally many query heads.
    case heads([HeadGroup])
    /// Ascending.
    case neurons([Int])

    /// The input columns of `o` or `down` that stay, in the order of the compact matrix.
    public func columns(headDimension: Int) -> [Int] {
        switch self {
        case .heads(let groups):
            groups.flatMap(\.queryHeads).flatMap { Array($0 * headDimension..<($0 + 1) * headDimension) }
        case .neurons(let neurons): neurons
        }
    }

    public var isEmpty: Bool {
        switch self {
        case .heads(let groups): groups.isEmpty
        case .neurons(let neurons): neurons.isEmpty
        }
    }

    /// The shape of a layer of which nothing else stays.
    public var shape: LayerShape {
        switch self {
        case .heads(let groups):
            LayerShape(
                headCount: groups.reduce(0) { $0 + $1.queryHeads.count }, keyValueHeadCount: groups.count,
                intermediateSize: 0)
        case .neurons(let neurons):
            LayerShape(headCount: 0, keyValueHeadCount: 0, intermediateSize: neurons.count)
        }
    }

    /// The parameters of the sub-layer's linears, biases included.
    public func parameters(_ configuration: DecoderConfiguration) -> Int { configuration.parameterCount(shape) }
}

/// One way to prune a sub-layer: what stays, and the output matrix with what was removed made up for.
public struct Candidate {
    public let kept: KeptUnits
    /// [hidden, kept columns] of `o` or `down`, float32
    public let weight: Tensor
    /// tr (ΔW H ΔWᵀ): the damped squared error of the sub-layer's output over the tokens of H.
    public let error: Double

    public init(kept: KeptUnits, weight: Tensor, error: Double) {
        self.kept = kept
        self.weight = weight
        self.error = error
    }
}

extension Candidate {
    /// With its weight as a number type holds it, float32 again.
    public func rounded(to dtype: DType) -> Candidate {
        dtype == .float32 ? self : Candidate(kept: kept, weight: weight.to(dtype).to(.float32), error: error)
    }
}
