import Testing
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The decoder's operations against the same formulas in float64, number by number.
struct ForwardTests {
    /// Widths below, at and beyond the 16 lanes of the loops.
    @Test(arguments: [1, 15, 16, 37, 64])
    func rmsNormIsTheFormula(_ width: Int) {
        var draws = Draws(UInt64(width))
        let (x, weight) = (draws.numbers(3 * width), draws.numbers(width))
        var expected: [Double] = []
        for row in 0..<3 {
            let values = x[row * width..<(row + 1) * width].map(Double.init)
            let meanSquare = values.reduce(0) { $0 + $1 * $1 } / Double(width)
            expected += zip(values, weight).map { $0 * Double($1) / (meanSquare + 1e-3).squareRoot() }
        }
        let found = Tensor(x, shape: [3, width])
            .rmsNorm(weight: Tensor(weight), epsilon: 1e-3, output: .float32)
        #expect(relativeError(found.floats(), expected) < 1e-6)
    }

    @Test func rotationKeepsLengthsAndTurnsPairsOfTheTwoHalves() {
        var draws = Draws(1)
        let (tokens, heads, half) = (3, 2, 5)
        let x = draws.numbers(2 * tokens * heads * 2 * half)
        let angles = draws.numbers(tokens * half).map { Double($0) * 3 }
        let cosine = Tensor(angles.map { Float(cos($0)) }, shape: [tokens, half])
        let sine = Tensor(angles.map { Float(sin($0)) }, shape: [tokens, half])
        var expected: [Double] = []
        for row in 0..<2 * tokens * heads {
            let head = x[row * 2 * half..<(row + 1) * 2 * half].map(Double.init)
            let turn = angles[(row / heads % tokens) * half..<(row / heads % tokens + 1) * half].map { $0 }
            expected += (0..<half).map { head[$0] * cos(turn[$0]) - head[$0 + half] * sin(turn[$0]) }
            expected += (0..<half).map { head[$0 + half] * cos(turn[$0]) + head[$0] * sin(turn[$0]) }
        }
        let input = Tensor(x, shape: [2, tokens, heads, 2 * half])
        let found = input.rotated(cosine: cosine, sine: sine)
        #expect(relativeError(found.floats(), expected) < 1e-6)
        #expect(abs(found.norm().scalar - input.norm().scalar) < 1e-5)
    }

    @Test func swigluIsTheFormulaFarFromZeroToo() {
        let gates: [Float] = [-200, -90, -20, -1, 0, 1e-6, 1, 20, 90, 200]
        let ups: [Float] = gates.map { 2 - $0 / 100 }
        let expected = zip(gates, ups).map { Double($0) / (1 + exp(-Double($0))) * Double($1) }
        let found = Tensor(gates + ups, shape: [1, 20]).gated(by: .silu).floats()
        for (a, b) in zip(found, expected) { #expect(abs(Double(a) - b) <= 1e-6 * max(1e-6, abs(b))) }
    }

    /// (queries, keys, heads, groups, window): fewer queries than keys, and sequences beyond one chunk of 128 queries.
    @Test(arguments: [
        (5, 5, 4, 4, nil), (5, 5, 6, 2, nil), (7, 7, 4, 1, 3), (1, 9, 4, 2, nil), (3, 9, 4, 2, 2), (1, 1, 2, 1, 1),
        (130, 130, 4, 2, nil), (130, 200, 4, 2, 70), (300, 300, 2, 1, 129),
    ])
    func attentionIsTheFormula(_ t: Int, _ s: Int, _ heads: Int, _ groups: Int, _ window: Int?) {
        var draws = Draws(7)
        let (batch, d, scale) = (2, 4, 0.7)
        let query = draws.numbers(batch * t * heads * d).map { $0 * 4 }
        let key = draws.numbers(batch * s * groups * d)
        let value = draws.numbers(batch * s * groups * d)
        var expected: [Double] = []
        for b in 0..<batch {
            for i in 0..<t {
                let position = s - t + i
                let first = max(0, position - (window ?? s) + 1)
                for head in 0..<heads {
                    let group = head / (heads / groups)
                    let q = query[((b * t + i) * heads + head) * d..<((b * t + i) * heads + head + 1) * d]
                    let weights = (first...position).map { j in
                        let start = ((b * s + j) * groups + group) * d
                        return exp(
                            scale * zip(q, key[start..<start + d]).reduce(0) { $0 + Double($1.0) * Double($1.1) })
                    }
                    let total = weights.reduce(0, +)
                    expected += (0..<d).map { k in
                        zip(first...position, weights).reduce(0) {
                            $0 + $1.1 * Double(value[((b * s + $1.0) * groups + group) * d + k])
                        } / total
                    }
                }
            }
        }
        let found = Tensor.attention(
            query: Tensor(query, shape: [batch, t, heads, d]), key: Tensor(key, shape: [batch, s, groups, d]),
            value: Tensor(value, shape: [batch, s, groups, d]), scale: scale, window: window)
        #expect(found.shape == [batch, t, heads * d])
        #expect(relativeError(found.floats(), expected) < 2e-6)
    }
}
