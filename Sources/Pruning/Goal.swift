import Decoders
import Recipes
import Torch

/// What is to be removed from one linear.
public struct Goal: Equatable, Sendable {
    public var pattern: Pattern
    public var sparsity: Sparsity

    public init(pattern: Pattern, sparsity: Sparsity) {
        self.pattern = pattern
        self.sparsity = sparsity
    }

    /// The weights that a comparison group of `count` loses.
    public func removed(of count: Int) -> Int { sparsity.removed(of: count) }

    /// Whether every weight stays, as an allocation may ask for a linear.
    public var removesNothing: Bool {
        if case .keep(let kept, let group) = pattern { return kept == group }
        return sparsity.fraction == 0
    }
}

/// The goals of a block's linears; a linear without one stays as it is.
public typealias Goals = [LinearName: Goal]

/// Which weights an unstructured mask compares with each other.
public enum ComparisonGroup: Equatable, Sendable {
    /// One output row (Wanda, WANDA++).
    case row
    /// The whole matrix (magnitude).
    case matrix
    /// All rows of so many consecutive columns; the last group may have fewer (SparseGPT).
    case columns(Int)
}

extension Goal {
    /// The keep-mask [out, in] for scores [out, in]: exact counts in every comparison group, the lower index first
    /// among equals.
    public func mask(scores: Tensor, group: ComparisonGroup) -> Tensor {
        let (rows, columns) = (scores.size(0), scores.size(1))
        switch (pattern, group) {
        case (.keep(let kept, let size), _): return scores.keepMask(kept, of: size)
        case (.unstructured, .row): return scores.keepMask(columns - removed(of: columns), of: columns)
        case (.unstructured, .matrix):
            let count = rows * columns
            return scores.keepMask(count - removed(of: count), of: count)
        case (.unstructured, .columns(let width)):
            let parts = stride(from: 0, to: columns, by: width).map { start in
                mask(
                    scores: scores.narrowed(1, start, min(width, columns - start)).contiguous(), group: .matrix)
            }
            return Tensor.concatenated(parts, dimension: 1)
        }
    }
}

extension Projection {
    /// The keep-mask of all stacked rows: each linear with a goal by its own scores, the others kept whole.
    func mask(scores: Tensor, goals: Goals, group: ComparisonGroup) -> Tensor {
        Tensor.concatenated(
            rows(of: scores).map { name, scores in
                goals[name]?.mask(scores: scores.contiguous(), group: group)
                    ?? Tensor.full(scores.shape, 1, .bool, device: scores.device)
            })
    }
}
