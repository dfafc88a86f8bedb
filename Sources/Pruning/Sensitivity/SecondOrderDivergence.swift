import Decoders
import Torch

/// The mathematics of `DivergenceCosts`: ½·E_t[(g_t·δ_t)²] for changes δ of what linears and sub-layers put out.
enum SecondOrderDivergence {
    /// The gradient by what enters a block, given that by what leaves it.
    static func back(_ x: Tensor, behind: Tensor, through block: (Tensor) -> Tensor) -> Tensor {
        x.requireGradient()
        let output = Engine.withGradient(true) { block(x) }
        output.backward(gradient: behind)
        return x.takeGradient()
    }

    /// ½·E_t[(Σ_j g_j·δ_j)²], these positions' share of it.
    ///
    /// - Parameters:
    ///   - products: g_j·δ_j, [samples, positions, j].
    ///   - positions: of all samples.
    static func cost(_ products: Tensor, of positions: Int) -> Double {
        let sums = products.sum(2)
        return (sums * sums).sum().scalar / Double(2 * positions)
    }

    /// What enters and leaves the sub-layers of a dense block for some samples, with the gradients by the latter.
    struct Pass {
        /// What enters the block.
        var input: Tensor
        /// What leaves the attention, its residual included.
        var attended: Tensor
        /// The gradient by that.
        var slope: Tensor
        /// What the MLP adds; nil without one.
        var inner: Tensor?
        /// The gradient by what leaves the block.
        var last: Tensor

        /// g·δ for the attention of another block in place of the dense one's.
        func attention(of block: Block, rotary: RotaryTable) -> Tensor {
            (block.attend(input, rotary: rotary) - attended) * slope
        }

        /// g·δ for the MLP of another block in place of the dense one's; nil where that has none.
        func mlp(of block: Block) -> Tensor? {
            guard let inner = inner?.to(.float32) else { return nil }
            let change =
                block.hasMLP ? block.contract(block.expand(attended)).to(.float32) - inner : inner * -1
            return change * last
        }
    }
}
