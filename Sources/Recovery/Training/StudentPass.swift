import Decoders
import Faults
import Torch

/// A student's blocks on some samples, there and back.
///
/// Of the first blocks only the input is kept, and they are passed again on the way back; of the others everything that
/// their derivatives need. Both give the same gradients, to the same bit.
struct StudentPass {
    let blocks: any StudentBlocks
    let rotary: RotaryTable
    /// Blocks of which only the input is kept.
    let repeated: Int

    /// What is kept of a block: the leaf that entered it, and what left it where that still hangs together with it.
    private struct Kept {
        let input: Tensor
        let block: TrainedBlock?
        let output: Tensor?
    }

    /// x [b, t, hidden] -> what leaves the last block, without the means of a way back.
    ///
    /// - Throws: `inputOutput` when blocks cannot be read.
    func forward(_ x: Tensor) throws(Fault) -> Tensor {
        var states = x
        for layer in 0..<blocks.layerCount {
            let block = try blocks.block(layer)
            states = Engine.withoutGradient { block.working(states, rotary: rotary) }
        }
        return states
    }

    /// x [b, t, hidden] through all blocks; the gradient that `gradient` gives of what leaves the last is taken back, and
    /// left with the blocks.
    ///
    /// - Parameter pass: the number of this pass among a step's.
    /// - Throws: `inputOutput` when blocks cannot be read or written.
    func train(_ x: Tensor, pass: Int, of passes: Int, gradient: (Tensor) -> Tensor) throws(Fault) {
        var kept: [Kept] = []
        var states = x
        for layer in 0..<blocks.layerCount {
            let block = try blocks.block(layer)
            let input = states.detached()
            if layer < repeated {
                states = Engine.withoutGradient { block.working(input, rotary: rotary) }
                kept.append(Kept(input: input, block: nil, output: nil))
            } else {
                // Nothing in front of the first block is trained.
                if layer > 0 { input.requireGradient() }
                let output = Engine.withGradient(true) { block.working(input, rotary: rotary) }
                kept.append(Kept(input: input, block: block, output: output))
                states = output.detached()
            }
        }
        var slope = gradient(states)
        while let last = kept.popLast() {
            let layer = kept.count
            let block = if let block = last.block { block } else { try blocks.block(layer) }
            var output = last.output
            if output == nil {
                if layer > 0 { last.input.requireGradient() }
                output = Engine.withGradient(true) { block.working(last.input, rotary: rotary) }
            }
            output?.backward(gradient: slope)
            output = nil
            try blocks.collect(layer, block, pass: pass, of: passes)
            if layer > 0 { slope = last.input.takeGradient() }
        }
    }
}
