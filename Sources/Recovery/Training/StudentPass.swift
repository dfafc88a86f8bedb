import Decoders
import Torch

/// A student's blocks on some samples, there and back.
///
/// Of the first blocks only the input is kept, and they are passed again on the way back; of the others everything that
/// their derivatives need. Both give the same gradients, to the same bit.
struct StudentPass {
    let blocks: [TrainedBlock]
    let rotary: RotaryTable
    /// Blocks of which only the input is kept.
    let repeated: Int

    /// What is kept of a block: the leaf that entered it, and what left it where that still hangs together with it.
    private struct Kept {
        let input: Tensor
        let output: Tensor?
    }

    /// x [b, t, hidden] -> what leaves the last block, without the means of a way back.
    func forward(_ x: Tensor) -> Tensor {
        Engine.withoutGradient { blocks.reduce(x) { $1.working($0, rotary: rotary) } }
    }

    /// x [b, t, hidden] -> what leaves the last block; its gradient, when `gradient` gives one, is taken back through
    /// all blocks and added to their leaves'.
    func train(_ x: Tensor, gradient: (Tensor) -> Tensor) {
        var kept: [Kept] = []
        var states = x
        for (index, block) in blocks.enumerated() {
            let input = states.detached()
            if index < repeated {
                states = Engine.withoutGradient { block.working(input, rotary: rotary) }
                kept.append(Kept(input: input, output: nil))
            } else {
                // Nothing in front of the first block is trained.
                if index > 0 { input.requireGradient() }
                let output = Engine.withGradient(true) { block.working(input, rotary: rotary) }
                kept.append(Kept(input: input, output: output))
                states = output.detached()
            }
        }
        var slope = gradient(states)
        while let last = kept.popLast() {
            let index = kept.count
            var output = last.output
            if output == nil {
                if index > 0 { last.input.requireGradient() }
                output = Engine.withGradient(true) { blocks[index].working(last.input, rotary: rotary) }
            }
            output?.backward(gradient: slope)
            output = nil
            if index > 0 { slope = last.input.takeGradient() }
        }
    }
}
