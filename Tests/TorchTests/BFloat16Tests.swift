import Testing
import Torch

/// The bfloat16 loops against the float32 ones on the same, already rounded, inputs: forward and by every input.
struct BFloat16Tests {
    private func pass(_ inputs: [Tensor], _ type: DType, _ formula: ([Tensor]) -> Tensor) -> [[Float]] {
        let leaves = inputs.map { $0.to(.bfloat16).to(type).clone() }
        leaves.forEach { $0.requireGradient() }
        return Engine.withGradient(true) {
            let output = formula(leaves)
            var draws = Draws(99)
            output.backward(gradient: draws.tensor(output.shape).to(.bfloat16).to(output.dtype))
            return [output.detached().floats()] + leaves.map { $0.takeGradient().floats() }
        }
    }

    private func compare(_ inputs: [Tensor], tolerance: Double = 0.01, _ formula: (DType, [Tensor]) -> Tensor) {
        let narrow = pass(inputs, .bfloat16) { formula(.bfloat16, $0) }
        let wide = pass(inputs, .float32) { formula(.float32, $0) }
        for (index, (a, b)) in zip(narrow, wide).enumerated() {
            #expect(relativeError(a, b) < tolerance, "\(index == 0 ? "output" : "gradient \(index)")")
        }
    }

    @Test func rmsNorm() {
        var draws = Draws(1)
        compare([draws.tensor([2, 3, 40]), draws.tensor([40])]) { type, inputs in
            inputs[0].rmsNorm(weight: inputs[1], epsilon: 1e-3, output: type)
        }
    }

    /// The stream is float32 and the products bfloat16: a norm stands between them.
    @Test func rmsNormOfFloat32GivenInBFloat16() {
        var draws = Draws(2)
        let (x, weight) = (draws.tensor([4, 33]), draws.tensor([33]))
        let narrow = x.rmsNorm(weight: weight, epsilon: 1e-5, output: .bfloat16)
        let wide = x.rmsNorm(weight: weight, epsilon: 1e-5, output: .float32)
        #expect(narrow.dtype == .bfloat16)
        #expect(narrow.floats() == wide.floats().map(bfloat16))
    }

    @Test func rotation() {
        var draws = Draws(3)
        let (cosine, sine) = (draws.tensor([5, 4]), draws.tensor([5, 4]))
        compare([draws.tensor([2, 5, 3, 8])]) { _, inputs in inputs[0].rotated(cosine: cosine, sine: sine) }
    }

    @Test func swiglu() {
        var draws = Draws(4)
        compare([draws.tensor([3, 4, 42])]) { _, inputs in inputs[0].swiglu() }
    }

    @Test(arguments: [(9, 9, nil), (150, 150, 20), (3, 11, 5)])
    func attention(_ t: Int, _ s: Int, _ window: Int?) {
        var draws = Draws(5)
        let inputs = [draws.tensor([2, t, 4, 8]), draws.tensor([2, s, 2, 8]), draws.tensor([2, s, 2, 8])]
        compare(inputs, tolerance: 0.02) { _, inputs in
            Tensor.attention(query: inputs[0], key: inputs[1], value: inputs[2], scale: 0.5, window: window)
        }
    }

    @Test func roundingIsToNearestEvenAndKeepsNaN() {
        let values: [Float] = [1, 1 + 0x1p-8, 1 + 0x3p-8, -1 - 0x1p-8, 3.4e38, .infinity]
        #expect(Tensor(values).to(.bfloat16).floats() == values.map(bfloat16))
        let gate: [Float] = [.nan, 1]
        let found = Tensor(gate, shape: [1, 2]).to(.bfloat16).swiglu().floats()
        #expect(found[0].isNaN)
    }
}
