import Decoders
import Faults
import Recipes
import Torch

extension PruningMethod {
    /// The smallest |W|·‖X‖₂ go (Sun et al. 2023).
    public static let wanda = PruningMethod(Method("wanda"), pruner: WandaPruner())
}

/// Wanda: weights whose product with their input's norm is small go; one pass, no update.
public struct WandaPruner: BlockPruner, Sendable {
    public init() {}

    public let group = ComparisonGroup.row

    public func work(samples: Int) -> BlockWork { BlockWork(statistics: Double(samples), masks: 1) }

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        let statistics = try task.statistics(of: task.block)
        return BlockOutcome(pruning: task, group: group) { name, weight in
            Scores.wanda(weight, squares: statistics.squares(name))
        }
    }
}
