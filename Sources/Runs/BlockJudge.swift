import Decoders
import Faults
import Pruning
import Torch

/// Measures what pruning did to a block's output: the mean over tokens of ‖ŷ − y‖² / ‖y‖².
struct BlockJudge {
    private let task: BlockTask
    /// The dense block's output by sample, [1, tokens, hidden].
    private var goals: [Int: Tensor] = [:]
    private var sum = 0.0
    private var count = 0

    init(task: BlockTask, samples: [Int]) throws(Fault) {
        self.task = task
        let dense = task.block.to(task.compute)
        for sample in samples { goals[sample] = try task.forward(dense, samples: [sample]) }
    }

    /// Takes in a block's output [count, tokens, hidden] for a range of samples.
    mutating func add(_ output: Tensor, of range: Range<Int>) {
        for sample in range {
            guard let goal = goals[sample] else { continue }
            let difference = output.narrowed(0, sample - range.lowerBound, 1) - goal
            let relative = (difference * difference).sum(2) / ((goal * goal).sum(2) + 1e-12)
            sum += relative.sum().scalar
            count += relative.count
        }
    }

    /// Of what was taken in.
    var error: Double { sum / Double(max(1, count)) }

    /// Of a block that is tried on the judged samples alone.
    mutating func error(of block: Block) throws(Fault) -> Double {
        let working = block.to(task.compute)
        (sum, count) = (0, 0)
        for sample in goals.keys.sorted() {
            add(try task.forward(working, samples: [sample]), of: sample..<sample + 1)
        }
        defer { (sum, count) = (0, 0) }
        return error
    }
}
