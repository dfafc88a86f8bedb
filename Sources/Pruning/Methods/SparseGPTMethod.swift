import Decoders
import Faults
import Recipes
import Torch

extension PruningMethod {
    /// Second-order choice and compensation, column block by column block (Frantar and Alistarh 2023).
    public static let sparsegpt = PruningMethod(Method("sparsegpt"), pruner: SparseGPTPruner())
}

/// SparseGPT in every linear, with one Cholesky factor for linears that share an input.
public struct SparseGPTPruner: BlockPruner, Sendable {
    public init() {}

    public let group = ComparisonGroup.columns(SparseGPT.blockWidth)

    public func work(samples: Int) -> BlockWork { BlockWork(grams: Double(samples), solves: 1, tellsStart: true) }

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        var notes: [String] = []
        let samples = try task.ranks.sum(task.input.samples)
        var outcome = try BlockOutcome(solving: task) { name, gram throws(Fault) in
            guard let factor = SparseGPT.factor(gram: gram, samples: samples) else {
                throw task.momentsNotInverted(name)
            }
            if factor.damping > SparseGPT.damping {
                notes.append("block \(task.layer) \(name.rawValue): damping raised to \(factor.damping)")
            }
            return { weight, goal in SparseGPT.solve(weight, factor: factor, goal: goal) }
        }
        outcome.notes = notes
        return outcome
    }
}
