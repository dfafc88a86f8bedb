import Randomness
import Testing
import Torch

/// The operations with derivatives written by hand, against the same formulas composed of libtorch's own.
struct GradientTests {
    private struct Source {
        var generator: SplitMix64
        mutating func tensor(_ shape: [Int], shift: Float = 0) -> Tensor {
            let count = shape.reduce(1, *)
            return Tensor((0..<count).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 + shift }, shape: shape)
        }
    }

    /// The output, and the gradient by each input of Σ output · upstream with a random upstream.
    private func pass(_ inputs: [Tensor], seed: UInt64, _ formula: ([Tensor]) -> Tensor) -> [[Float]] {
        let leaves = inputs.map { $0.clone() }
        leaves.forEach { $0.requireGradient() }
        return Engine.withGradient(true) {
            let output = formula(leaves)
            var source = Source(generator: SplitMix64(seed: seed))
            (output * source.tensor(output.shape)).sum().backward()
            return [output.detached().floats()] + leaves.map { $0.takeGradient().floats() }
        }
    }

    private func compare(
        _ inputs: [Tensor], _ operation: ([Tensor]) -> Tensor, _ composed: ([Tensor]) -> Tensor,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let found = pass(inputs, seed: 99, operation)
        let expected = pass(inputs, seed: 99, composed)
        for (index, (a, b)) in zip(found, expected).enumerated() {
            #expect(
                relativeError(a, b) < 2e-5, "\(index == 0 ? "output" : "gradient \(index)")", sourceLocation: location)
        }
    }

    @Test func rmsNorm() {
        var source = Source(generator: SplitMix64(seed: 1))
        compare([source.tensor([2, 3, 37]), source.tensor([37], shift: 1)]) {
            $0[0].rmsNorm(weight: $0[1], epsilon: 1e-2, output: .float32)
        } _: {
            $0[0] / (($0[0] * $0[0]).mean(2, keep: true) + 1e-2).squareRoot() * $0[1]
        }
    }

    @Test func rotation() {
        var source = Source(generator: SplitMix64(seed: 2))
        let (cosine, sine) = (source.tensor([5, 3]), source.tensor([5, 3]))
        compare([source.tensor([2, 5, 4, 6])]) {
            $0[0].rotated(cosine: cosine, sine: sine)
        } _: {
            let (a, b) = ($0[0].narrowed(3, 0, 3), $0[0].narrowed(3, 3, 3))
            let (c, s) = (cosine.reshaped([1, 5, 1, 3]), sine.reshaped([1, 5, 1, 3]))
            return Tensor.concatenated([a * c - b * s, b * c + a * s], dimension: 3)
        }
    }

    @Test func swiglu() {
        var source = Source(generator: SplitMix64(seed: 3))
        compare([source.tensor([3, 4, 2 * 21])]) {
            $0[0].gated(by: .silu)
        } _: {
            let (gate, up) = ($0[0].narrowed(2, 0, 21), $0[0].narrowed(2, 21, 21))
            return gate / ((gate * -1).exponential() + 1) * up
        }
    }

    @Test func geglu() {
        var source = Source(generator: SplitMix64(seed: 7))
        compare([source.tensor([3, 4, 2 * 21]) * 3]) {
            $0[0].gated(by: .geluTanh)
        } _: {
            let (gate, up) = ($0[0].narrowed(2, 0, 21), $0[0].narrowed(2, 21, 21))
            let inner = (gate + gate * gate * gate * 0.044715) * (2 / Double.pi).squareRoot()
            return gate / ((inner * -2).exponential() + 1) * up
        }
    }

    @Test func cappedLogits() {
        var source = Source(generator: SplitMix64(seed: 8))
        compare([source.tensor([3, 5]) * 4]) {
            $0[0].softCapped(at: 2)
        } _: {
            let power = $0[0].exponential()
            return (power + -1) / (power + 1) * 2
        }
    }

    /// Sequences longer than the chunk of queries that the operation works on at a time.
    @Test(arguments: [(9, 9, nil), (9, 9, 4), (150, 150, nil), (150, 150, 20), (3, 11, nil), (3, 11, 5)])
    func attention(_ queries: Int, _ keys: Int, _ window: Int?) {
        for cap in [nil, 1.5] { attention(queries, keys, window, cap: cap) }
    }

    private func attention(_ queries: Int, _ keys: Int, _ window: Int?, cap: Double?) {
        var source = Source(generator: SplitMix64(seed: 4))
        let (batch, heads, groups, width) = (2, 4, 2, 6)
        // Larger queries make the softmax uneven.
        let query = source.tensor([batch, queries, heads, width]) * 3
        let inputs = [
            query, source.tensor([batch, keys, groups, width]), source.tensor([batch, keys, groups, width]),
        ]
        let past = keys - queries
        let mask = Tensor(
            (0..<queries).flatMap { row in
                (0..<keys).map { column -> Float in
                    let position = past + row
                    return column <= position && column > position - (window ?? keys) ? 0 : -1e9
                }
            }, shape: [queries, keys])
        compare(inputs) {
            Tensor.attention(query: $0[0], key: $0[1], value: $0[2], scale: 0.4, window: window, softCap: cap)
        } _: { inputs in
            let parts = (0..<heads).map { head in
                let group = head / (heads / groups)
                let q = inputs[0].narrowed(2, head, 1).reshaped([batch, queries, width])
                let k = inputs[1].narrowed(2, group, 1).reshaped([batch, keys, width])
                let v = inputs[2].narrowed(2, group, 1).reshaped([batch, keys, width])
                let products = q.matmul(k.transposed(1, 2)) * 0.4
                // c · tanh(p / c) of exponentials.
                let capped = cap.map { cap in
                    let power = (products * (2 / cap)).exponential()
                    return (power + -1) / (power + 1) * cap
                }
                return ((capped ?? products) + mask).softmax(2).matmul(v)
            }
            return Tensor.concatenated(parts, dimension: 2)
        }
    }

    @Test func rmsNormAgainstFiniteDifferences() {
        var source = Source(generator: SplitMix64(seed: 5))
        let (x, weight) = (source.tensor([1, 8]), source.tensor([8], shift: 1))
        let gradients = pass([x, weight], seed: 6) { $0[0].rmsNorm(weight: $0[1], epsilon: 1e-2, output: .float32) }
        func value(_ x: [Float]) -> Double {
            var upstream = Source(generator: SplitMix64(seed: 6))
            let output = Tensor(x, shape: [1, 8]).rmsNorm(weight: weight, epsilon: 1e-2, output: .float32)
            return (output * upstream.tensor([1, 8])).sum().scalar
        }
        let values = x.floats()
        for index in values.indices {
            var (up, down) = (values, values)
            up[index] += 1e-2
            down[index] -= 1e-2
            let slope = (value(up) - value(down)) / 2e-2
            #expect(abs(slope - Double(gradients[1][index])) < 2e-3)
        }
    }
}
