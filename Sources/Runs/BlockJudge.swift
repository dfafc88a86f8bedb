import Decoders
import Faults
import Pruning
import Torch

/// Measures what pruning did to a block's output: the mean over tokens of ‖ŷ − y‖² / ‖y‖².
struct BlockJudge {
    private let task: BlockTask
    /// What a block's output is compared with by sample, [1, tokens, hidden].
    private var goals: [Int: Tensor] = [:]
    private var sum = 0.0
    private var count = 0

    /// Compares with what the dense block makes of the same input; or of the dense stream, `onDenseStream`, which a block
    /// that makes up for those before it comes nearer to.
    init(task: BlockTask, samples: [Int], onDenseStream: Bool = false) throws(Fault) {
        self.task = task
        if onDenseStream, let stream = task.denseOutput {
            for sample in samples { goals[sample] = try stream.read(sample..<sample + 1).to(task.device) }
            return
        }
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
