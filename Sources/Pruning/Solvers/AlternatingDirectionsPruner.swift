import Decoders
import Faults
import Torch

/// The start of a block's re-fit: mask and weights of every linear by `AlternatingDirections`.
struct AlternatingDirectionsPruner: BlockPruner {
    /// The rows of a matrix differ in what they can spare.
    let group = ComparisonGroup.matrix

    func work(samples: Int) -> BlockWork { BlockWork(grams: Double(samples), alternations: 1, tellsStart: true) }

    func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        try BlockOutcome(solving: task) { name, gram throws(Fault) in
            let moments = AlternatingDirections.Moments(gram: gram)
            return { weight, goal throws(Fault) in
                guard let solved = AlternatingDirections.solve(weight, moments: moments, goal: goal) else {
                    throw task.momentsNotInverted(name)
                }
                return solved
            }
        }
    }
}
