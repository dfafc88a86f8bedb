import Testing
import Torch

/// The loops over 16-bit numbers against the float32 ones on the same, already rounded, inputs: forward and by every
/// input.
@Suite(.serialized) struct NarrowTypeTests {
    static let types: [DType] = [.bfloat16, .float16]

    private func pass(_ inputs: [Tensor], _ narrow: DType, _ type: DType, _ formula: ([Tensor]) -> Tensor) -> [[Float]]
    {
        let leaves = inputs.map { $0.to(narrow).to(type).clone() }
        leaves.forEach { $0.requireGradient() }
        return Engine.withGradient(true) {
            let output = formula(leaves)
            var draws = Draws(99)
            output.backward(gradient: draws.tensor(output.shape).to(narrow).to(output.dtype))
            return [output.detached().floats()] + leaves.map { $0.takeGradient().floats() }
        }
    }

    private func compare(
        _ inputs: [Tensor], _ type: DType, tolerance: Double = 0.01, _ formula: (DType, [Tensor]) -> Tensor
    ) {
        let narrow = pass(inputs, type, type) { formula(type, $0) }
        let wide = pass(inputs, type, .float32) { formula(.float32, $0) }
        // float16 has three bits more.
        let bound = type == .float16 ? tolerance / 8 : tolerance
        for (index, (a, b)) in zip(narrow, wide).enumerated() {
            #expect(relativeError(a, b) < bound, "\(index == 0 ? "output" : "gradient \(index)")")
        }
    }

    @Test(arguments: types) func rmsNorm(_ type: DType) {
        var draws = Draws(1)
        compare([draws.tensor([2, 3, 40]), draws.tensor([40])], type) { type, inputs in
            inputs[0].rmsNorm(weight: inputs[1], epsilon: 1e-3, output: type)
        }
    }

    /// The stream is float32 and the products bfloat16: a norm stands between them.
    @Test(arguments: types) func rmsNormOfFloat32GivenInANarrowType(_ type: DType) {
        var draws = Draws(2)
        let (x, weight) = (draws.tensor([4, 33]), draws.tensor([33]))
        let narrow = x.rmsNorm(weight: weight, epsilon: 1e-5, output: type)
        let wide = x.rmsNorm(weight: weight, epsilon: 1e-5, output: .float32)
        #expect(narrow.dtype == type)
        #expect(narrow.floats() == wide.floats().map { rounded($0, to: type) })
    }

    @Test(arguments: types) func rotation(_ type: DType) {
        var draws = Draws(3)
        let (cosine, sine) = (draws.tensor([5, 4]), draws.tensor([5, 4]))
        compare([draws.tensor([2, 5, 3, 8])], type) { _, inputs in inputs[0].rotated(cosine: cosine, sine: sine) }
    }

    @Test(arguments: types) func swiglu(_ type: DType) {
        var draws = Draws(4)
        compare([draws.tensor([3, 4, 42])], type) { _, inputs in inputs[0].gated(by: .silu) }
    }

    @Test(arguments: types, [(9, 9, nil), (150, 150, 20), (3, 11, 5)])
    func attention(_ type: DType, _ size: (t: Int, s: Int, window: Int?)) {
        let (t, s, window) = size
        var draws = Draws(5)
        let inputs = [draws.tensor([2, t, 4, 8]), draws.tensor([2, s, 2, 8]), draws.tensor([2, s, 2, 8])]
        compare(inputs, type, tolerance: 0.02) { _, inputs in
            Tensor.attention(query: inputs[0], key: inputs[1], value: inputs[2], scale: 0.5, window: window)
        }
    }

    /// Few rows and many, between which the way of multiplying float16 changes; with a bias and without.
    @Test(arguments: types, [1, 3, 4, 40])
    func linear(_ type: DType, _ rows: Int) {
        var draws = Draws(6)
        let inputs = [draws.tensor([rows, 24]), draws.tensor([10, 24]), draws.tensor([10])]
        compare(inputs, type) { _, inputs in inputs[0].linear(inputs[1], bias: inputs[2]) }
        compare(Array(inputs.prefix(2)), type) { _, inputs in inputs[0].linear(inputs[1]) }
        let x = inputs[0].to(type)
        let weight = inputs[1].to(type)
        let into = Tensor.zeros([rows, 10], type)
        into.setLinear(x, weight)
        #expect(relativeError(into.floats(), x.linear(weight).floats()) < 0.005)
    }

    @Test(arguments: [DType.float32] + types)
    func columnSquares(_ type: DType) {
        var draws = Draws(7)
        let x = draws.tensor([3, 50, 70]).to(type)
        let sums = Tensor.full([70], 2)
        sums.addColumnSquares(x)
        var expected = [Double](repeating: 2, count: 70)
        for (index, value) in x.floats().enumerated() { expected[index % 70] += Double(value) * Double(value) }
        #expect(relativeError(sums.floats(), expected) < 1e-6)
    }

    /// The results of the loops' own conversions, at the ends of the ranges, too.
    @Test(arguments: types) func roundingIsToNearestEvenAndKeepsNaN(_ type: DType) {
        let step: Float = type == .bfloat16 ? 0x1p-8 : 0x1p-11
        let values: [Float] = [
            1, 1 + step, 1 + 3 * step, -1 - step, 65504, 65519, 65520, 0x1p-14, 0x1p-24, 0x1.8p-25, -0.0, .infinity,
        ]
        // A norm of rows of one element with weight x gives x / sqrt(1 + 0).
        let ones = Tensor([Float](repeating: 1, count: values.count), shape: [values.count])
        let found = ones.reshaped([1, values.count]).rmsNorm(weight: Tensor(values), epsilon: 0, output: type)
        #expect(found.floats() == Tensor(values).to(type).floats())
        #expect(found.floats() == values.map { rounded($0, to: type) })
        let gate: [Float] = [.nan, 1]
        #expect(Tensor(gate, shape: [1, 2]).to(type).gated(by: .silu).floats()[0].isNaN)
    }

    /// Bits of one type that are read as another's are wrong numbers: what has no loop goes through tensor operations
    /// or is refused.
    @Test func otherTypesAreNotTakenForOneOfTheThree() {
        var draws = Draws(8)
        let x = draws.tensor([4, 16]).to(.float64)
        let weight = draws.tensor([16])
        let found = x.rmsNorm(weight: weight, epsilon: 1e-5, output: .float32)
        #expect(
            relativeError(
                found.floats(), x.to(.float32).rmsNorm(weight: weight, epsilon: 1e-5, output: .float32).floats()) < 1e-6
        )
        #expect(relativeError(x.gated(by: .silu).floats(), x.to(.float32).gated(by: .silu).floats()) < 1e-6)
    }

    @Test func aStepByAGradientOfAnUnknownTypeIsRefused() async {
        await #expect(processExitsWith: .failure) {
            Tensor.zeros([4]).rmspropStep(
                gradient: Tensor.zeros([4], .float64), square: Tensor.zeros([4]), working: nil, rate: 1)
        }
    }
}
