import Decoders
import Randomness
import Testing
import Torch

@testable import Pruning

/// The gradient by the states in front of the head, against all logits in float64.
@Suite("Fisher gradient")
struct FisherGradientTests {
    private static let epsilon = 1e-5

    /// ∂⟨v, logits⟩/∂x in float64, from the whole table of signs [n, vocabulary].
    private func expected(_ x: Tensor, norm: Tensor, weight: Tensor, cap: Double?, signs: Tensor) -> Tensor {
        Engine.withoutGradient {
            let (x, norm, weight) = (x.to(.float64), norm.to(.float64), weight.to(.float64))
            let length = ((x * x).mean(1, keep: true) + FisherGradientTests.epsilon).squareRoot()
            var logits = ((x / length) * norm).matmul(weight.transposed(0, 1))
            var slope = Tensor.full([1], 1, .float64)
            if let cap {
                // tanh y = 1 − 2 / (exp(2y) + 1)
                let power = (logits * (2 / cap)).exponential() + 1
                let tangent = Tensor.full([1], 1, .float64) - Tensor.full([1], 2, .float64) / power
                logits = tangent * cap
                slope = Tensor.full([1], 1, .float64) - tangent * tangent
            }
            let p = logits.softmax(1)
            let drawn = p.squareRoot() * signs.to(.float64)
            let v = (drawn - p * drawn.sum(1, keep: true)) * slope
            // Back through the norm: w·g / r − x·(Σ w·g·x) / (h·r³).
            let g = v.matmul(weight) * norm
            let h = Double(x.size(1))
            return g / length - x * (g * x).sum(1, keep: true) / (length * length * length * h)
        }
    }

    private func check(_ type: DType, vocabulary: Int, positions: Int, cap: Double?, below bound: Double) throws {
        var draws = Draws(UInt64(vocabulary))
        let (norm, weight) = (draws.tensor([6]) + 1.5, (draws.tensor([vocabulary, 6]) * 3).to(type))
        let x = draws.tensor([positions, 6])
        let head = Head(norm: norm, weight: weight, epsilon: FisherGradientTests.epsilon, softCap: cap)
        let found = try FisherGradient.of(x, head.matrix) { positions, tokens in
            Tensor.signs(seed: 5, rows: positions, columns: tokens, of: vocabulary)
        }
        let signs = Tensor.signs(seed: 5, rows: 0..<positions, columns: 0..<vocabulary, of: vocabulary)
        let expected = expected(x, norm: norm, weight: weight, cap: cap, signs: signs)
        #expect(found.dtype == .float32 && found.shape == [positions, 6])
        #expect(relativeError(found.floats(), expected.floats()) < bound)
    }

    /// More tokens than are read together, none a multiple of 64; more positions than a piece has.
    @Test("it is that of all logits together", arguments: [nil, 2.0] as [Double?])
    func value(cap: Double?) throws {
        try check(.float32, vocabulary: 8192 + 37, positions: 3, cap: cap, below: 1e-5)
        try check(.float32, vocabulary: 77, positions: 1024 + 6, cap: cap, below: 1e-5)
        try check(.bfloat16, vocabulary: 8192 + 37, positions: 3, cap: cap, below: 3e-2)
    }

    @Test("a position that predicts one token for certain has none, and neither overflows")
    func certain() throws {
        let (ones, rows, state): ([Float], [Float], [Float]) = ([1, 1], [1000, 0, 0, 1000, 1000, -1000], [3, -1])
        let head = Head(norm: Tensor(ones), weight: Tensor(rows, shape: [3, 2]), epsilon: 0)
        let found = try FisherGradient.of(Tensor(state, shape: [1, 2]), head.matrix) { positions, tokens in
            Tensor.signs(seed: 1, rows: positions, columns: tokens, of: 3)
        }
        #expect(found.floats() == [0, 0])
    }

    @Test("signs of a part are those of the table, which is drawn row by row")
    func signs() {
        var generator = SplitMix64(seed: 9)
        var bits: [Float] = []
        for _ in 0..<8 {
            let word = generator.next()
            bits += (0..<64).map { word >> $0 & 1 == 0 ? 1 : -1 }
        }
        let whole = Tensor.signs(seed: 9, rows: 0..<5, columns: 0..<100, of: 100).floats()
        #expect(whole == Array(bits.prefix(500)))
        let part = Tensor.signs(seed: 9, rows: 2..<4, columns: 30..<95, of: 100).floats()
        #expect(part == Array(whole[230..<295] + whole[330..<395]))
    }
}
