import Decoders
import Faults
import Pruning
import Torch

/// What pruning did to a block's output and to those of its linears: means over tokens of ‖ŷ − y‖² / ‖y‖², where y is
/// what the dense block makes of the same input.
struct BlockErrors {
    /// Of the block in front of its last step, where one was given.
    private(set) var before: Double?
    private(set) var after = 0.0
    /// Of the linears that have as many outputs as before, in the order in which a pass meets them.
    private(set) var linears: [(linear: String, error: Double)] = []

    /// A mean that grows.
    private struct Mean {
        var sum = 0.0
        var count = 0

        /// ŷ and y [1, tokens, width].
        mutating func add(_ output: Tensor, _ goal: Tensor) {
            let (output, goal) = (output.to(.float32), goal.to(.float32))
            let difference = output - goal
            let relative = (difference * difference).sum(2) / ((goal * goal).sum(2) + 1e-12)
            sum += relative.sum().scalar
            count += relative.count
        }

        var value: Double { sum / Double(max(1, count)) }
    }

    /// Runs all blocks on the judged samples, one sample at a time.
    ///
    /// - Parameters:
    ///   - task: of the dense block.
    ///   - before: as it would be written; nil where there is no step in between.
    ///   - written: may have lost heads and neurons; a sub-layer that is gone has put out nothing, an error of 1.
    ///   - onDenseStream: whether the block's own output is compared with what the dense block makes of the *dense*
    ///     stream,
    ///     which a block that makes up for those in front of it comes nearer to.
    init(
        _ task: BlockTask, samples: [Int], before: Block?, written: Block, onDenseStream: Bool = false
    ) throws(Fault) {
        let dense = task.block.to(task.compute)
        let (unfinished, finished) = (before?.to(task.compute), written.to(task.compute))
        var (early, late) = (Mean(), Mean())
        var means: [LinearName: Mean] = [:]
        for sample in samples {
            let x = try task.input.read(sample..<sample + 1).to(task.device)
            let stream = onDenseStream ? try task.denseOutput?.read(sample..<sample + 1).to(task.device) : nil
            Engine.withoutGradient {
                var goals: [LinearName: Tensor] = [:]
                let output = BlockErrors.run(dense, x, task) { goals[$0] = $1 }
                let goal = stream ?? output
                late.add(
                    BlockErrors.run(finished, x, task) { linear, output in
                        guard let goal = goals.removeValue(forKey: linear), goal.shape == output.shape else { return }
                        means[linear, default: Mean()].add(output, goal)
                    }, goal)
                for linear in [LinearName.o, .down] {
                    guard let goal = goals[linear] else { continue }
                    means[linear, default: Mean()].add(Tensor.zeros(goal.shape, device: task.device), goal)
                }
                if let unfinished { early.add(unfinished(x, rotary: task.rotary), goal) }
            }
        }
        self.before = before == nil ? nil : early.value
        after = late.value
        linears = task.block.linears.compactMap { linear in means[linear].map { (linear.rawValue, $0.value) } }
    }

    /// The block's output; `see` is told that of each linear.
    private static func run(
        _ block: Block, _ x: Tensor, _ task: BlockTask, see: @escaping (LinearName, Tensor) -> Void
    ) -> Tensor {
        block(
            x, rotary: task.rotary,
            outputs: { name, output in
                var offset = 0
                for part in block[name].parts {
                    see(part.name, output.narrowed(2, offset, part.rows))
                    offset += part.rows
                }
            })
    }
}
