import Decoders
import Faults
import Randomness
import Torch

/// The gradient of ⟨v, logits⟩ by hidden states, for a v with the Fisher information of the predictions p as its
/// covariance: with ε of independent signs, √p·ε − p·Σ(√p·ε) has the covariance diag(p) − p·pᵀ.
///
/// The vocabulary passes twice in pieces: once for what the softmax is divided by and for Σ(√p·ε), once for the
/// gradient. Neither the logits of the whole vocabulary nor the output matrix need be in memory.
enum FisherGradient {
    /// - Parameters:
    ///   - stream: hidden states [n, hidden] float32, as they left the last block.
    ///   - signs: ε of some positions and some tokens, [positions, tokens] float32; the same whenever it is asked for.
    /// - Returns: [n, hidden] float32.
    /// - Throws: what reading weights throws.
    static func of(
        _ stream: Tensor, _ output: OutputMatrix, signs: (_ positions: Range<Int>, _ tokens: Range<Int>) -> Tensor
    ) throws(Fault) -> Tensor {
        let x = stream.detached()
        x.requireGradient()
        let normal = Engine.withGradient(true) { output.normalise(x) }
        return try Engine.withoutGradient { () throws(Fault) -> Tensor in
            let input = normal.detached()
            let sums = try Sums(input, output, signs: signs)
            let slope = Tensor.zeros(input.shape, device: input.device)
            try output.pieces(input) { piece in
                let drawn = signs(piece.positions, piece.tokens)
                let v = sums.drawn(piece, signs: drawn)
                // After the soft cap c a logit z moves 1 − (z/c)² as fast as before it.
                if let cap = output.softCap {
                    let share = piece.logits.to(.float32) * (1 / cap)
                    v.addProduct(v, share * share, scale: -1)
                }
                let rows = slope.narrowed(0, piece.positions.lowerBound, piece.positions.count)
                if input.dtype == .float32 {
                    rows.addMatmul(v, piece.weight)
                } else {
                    rows.add(v.to(input.dtype).matmul(piece.weight).to(.float32))
                }
            }
            normal.backward(gradient: slope.to(normal.dtype))
            return x.takeGradient()
        }
    }

    /// What v at a position needs of the whole vocabulary.
    private struct Sums {
        /// The highest logit, [n, 1].
        private let highest: Tensor
        /// 1 / √Σ exp(z − highest), [n, 1].
        private let scale: Tensor
        /// Σ √p·ε, [n, 1].
        private let drawn: Tensor

        init(
            _ input: Tensor, _ output: OutputMatrix, signs: (Range<Int>, Range<Int>) -> Tensor
        ) throws(Fault) {
            let n = input.size(0)
            // Lower than any logit, so that the first piece raises it; the sums before are zero.
            let highest = Tensor.full([n, 1], -1e30, device: input.device)
            let (sum, signed) = (
                Tensor.zeros([n, 1], device: input.device), Tensor.zeros([n, 1], device: input.device)
            )
            try output.pieces(input) { piece in
                func own(_ tensor: Tensor) -> Tensor {
                    tensor.narrowed(0, piece.positions.lowerBound, piece.positions.count)
                }
                let logits = piece.logits.to(.float32)
                let before = own(highest)
                let best = logits.maximum(1, keep: true)
                let raised = Tensor.choose((best - before).isGreater(than: 0), best, before)
                // Sums are relative to the highest logit so far: √ of the factor by which exp(z − highest) shrinks.
                let factor = ((before - raised) * 0.5).exponential()
                let root = ((logits - raised) * 0.5).exponential()
                own(signed).copy(
                    from: own(signed) * factor + (root * signs(piece.positions, piece.tokens)).sum(1, keep: true))
                own(sum).copy(from: own(sum) * factor * factor + (root * root).sum(1, keep: true))
                before.copy(from: raised)
            }
            self.highest = highest
            scale = Tensor.full([1], 1, device: input.device) / sum.squareRoot()
            drawn = signed * scale
        }

        /// √p·ε − p·Σ(√p·ε) for a piece, [positions, tokens] float32.
        func drawn(_ piece: OutputMatrix.Piece, signs: Tensor) -> Tensor {
            func own(_ tensor: Tensor) -> Tensor {
                tensor.narrowed(0, piece.positions.lowerBound, piece.positions.count)
            }
            let root = ((piece.logits.to(.float32) - own(highest)) * 0.5).exponential() * own(scale)
            return root * (signs - root * own(drawn))
        }
    }
}

extension Tensor {
    /// Independent signs, +1 or −1 alike often, float32: a part [rows, columns] of a table whose signs are drawn row by
    /// row.
    ///
    /// - Parameter width: columns of the whole table.
    static func signs(seed: UInt64, rows: Range<Int>, columns: Range<Int>, of width: Int) -> Tensor {
        let result = Tensor.empty([rows.count, columns.count])
        result.withMutableBytes { bytes in
            let values = bytes.bindMemory(to: UInt32.self)
            var index = 0
            for row in rows {
                // 64 signs to a number that the generator draws.
                let first = row * width + columns.lowerBound
                var generator = SplitMix64(seed: seed)
                generator.skip(first / 64)
                var (word, left) = (generator.next() >> UInt64(first % 64), 64 - first % 64)
                for _ in columns {
                    if left == 0 { (word, left) = (generator.next(), 64) }
                    // 1 in float32, with the sign that the next bit says.
                    values[index] = 0x3F80_0000 | UInt32(truncatingIfNeeded: word & 1) << 31
                    word >>= 1
                    left -= 1
                    index += 1
                }
            }
        }
        return result
    }
}
