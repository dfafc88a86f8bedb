import Decoders
import Randomness
import Torch

/// The mathematics of `DivergenceCosts`: ½·E_t[(g_t·δ_t)²] for changes δ of what linears and sub-layers put out.
enum SecondOrderDivergence {
    /// The gradient of ⟨v, logits⟩ by hidden states, for a v with the Fisher information of the predictions p as its
    /// covariance: with ε of independent signs, √p·ε − p·Σ(√p·ε) has the covariance diag(p) − p·pᵀ.
    ///
    /// - Parameters:
    ///   - x: hidden states [1, positions, hidden], which it takes the gradient of.
    ///   - head: from hidden states to logits [1, positions, vocabulary].
    ///   - signs: ε, as the logits.
    static func gradient(_ x: Tensor, head: (Tensor) -> Tensor, signs: () -> Tensor) -> Tensor {
        x.requireGradient()
        let logits = Engine.withGradient(true) { head(x) }
        return Engine.withoutGradient {
            let p = logits.detached().softmax(2)
            let drawn = p.squareRoot() * signs()
            logits.backward(gradient: drawn - p * drawn.sum(2, keep: true))
            return x.takeGradient()
        }
    }

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

extension Tensor {
    /// Independent signs, +1 or −1 alike often, float32.
    static func signs(_ generator: inout SplitMix64, _ shape: [Int]) -> Tensor {
        let result = Tensor.empty(shape)
        result.withMutableBytes { bytes in
            let values = bytes.bindMemory(to: UInt32.self)
            var word: UInt64 = 0
            for index in values.indices {
                if index % 64 == 0 { word = generator.next() }
                // 1 in float32, with the sign that the next bit says.
                values[index] = 0x3F80_0000 | UInt32(truncatingIfNeeded: word & 1) << 31
                word >>= 1
            }
        }
        return result
    }
}
