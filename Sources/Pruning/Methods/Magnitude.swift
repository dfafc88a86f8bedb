import Decoders
import Faults
import Recipes
import Torch

extension PruningMethod {
    /// The smallest |W| go.
    public static let magnitude = PruningMethod(Method("magnitude", needsCalibration: false), pruner: MagnitudePruner())
}

/// Removes the smallest weights; looks at no data.
public struct MagnitudePruner: BlockPruner, Sendable {
    public init() {}

    public let group = ComparisonGroup.matrix

    public func work(samples: Int) -> BlockWork { BlockWork(masks: 1) }

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        BlockOutcome(pruning: task, group: group) { _, weight in Scores.magnitude(weight) }
    }
}
