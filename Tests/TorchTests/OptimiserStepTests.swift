import Testing
import Torch

/// The optimisers' steps against the published updates in float64, over several steps.
struct OptimiserStepTests {
    private static let count = 70

    private func gradients(_ steps: Int, seed: UInt64) -> [[Float]] {
        var draws = Draws(seed)
        return (0..<steps).map { _ in draws.numbers(OptimiserStepTests.count) }
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16], [DType.float32, .bfloat16, .float16])
    func rmsprop(_ type: DType, _ workingType: DType) {
        var draws = Draws(1)
        let start = draws.numbers(OptimiserStepTests.count)
        let weight = Tensor(start)
        let square = Tensor.zeros([start.count])
        let working = weight.to(workingType).clone()
        var (w, s) = (start.map(Double.init), [Double](repeating: 0, count: start.count))
        for gradient in gradients(5, seed: 2) {
            let given = Tensor(gradient).to(type)
            weight.rmspropStep(gradient: given, square: square, working: working, rate: 1e-2, decay: 0.9, epsilon: 1e-6)
            for (i, g) in given.floats().map(Double.init).enumerated() {
                s[i] = 0.9 * s[i] + 0.1 * g * g
                w[i] -= 1e-2 * g / (s[i].squareRoot() + 1e-6)
            }
        }
        #expect(relativeError(weight.floats(), w) < 1e-6)
        #expect(relativeError(square.floats(), s) < 1e-6)
        #expect(working.floats() == weight.floats().map { rounded($0, to: workingType) })
    }

    @Test func rmspropWithoutAWorkingCopyMovesTheWeightAlike() {
        var draws = Draws(3)
        let start = draws.tensor([40])
        let (alone, paired) = (start.clone(), start.clone())
        let gradient = draws.tensor([40])
        alone.rmspropStep(gradient: gradient, square: Tensor.zeros([40]), working: nil, rate: 0.1)
        paired.rmspropStep(
            gradient: gradient, square: Tensor.zeros([40]), working: Tensor.zeros([40]), rate: 0.1)
        #expect(alone.floats() == paired.floats())
        #expect(alone.floats() != start.floats())
    }

    @Test(arguments: [DType.float32, .bfloat16, .float16], [DType.float32, .bfloat16, .float16])
    func adam(_ type: DType, _ workingType: DType) {
        var draws = Draws(4)
        let start = draws.numbers(OptimiserStepTests.count)
        let kept = (0..<start.count).map { $0 % 3 != 0 }
        let mask = Tensor(kept.map { Float($0 ? 1 : 0) }).to(.bool)
        let weight = Tensor(start)
        let (first, second) = (Tensor.zeros([start.count]), Tensor.zeros([start.count]))
        let working = Tensor.zeros([start.count], workingType)
        var w = start.map(Double.init)
        var (m, v) = ([Double](repeating: 0, count: w.count), [Double](repeating: 0, count: w.count))
        var (power1, power2) = (1.0, 1.0)
        for (index, gradient) in gradients(6, seed: 5).enumerated() {
            let given = Tensor(gradient).to(type)
            weight.adamStep(
                gradient: given, first: first, second: second, mask: mask, working: working, rate: 1e-2, beta1: 0.9,
                beta2: 0.95, epsilon: 1e-8, step: index + 1)
            (power1, power2) = (power1 * 0.9, power2 * 0.95)
            for (i, g) in given.floats().map(Double.init).enumerated() {
                m[i] = 0.9 * m[i] + 0.1 * g
                v[i] = 0.95 * v[i] + 0.05 * g * g
                w[i] -= 1e-2 * (m[i] / (1 - power1)) / ((v[i] / (1 - power2)).squareRoot() + 1e-8)
            }
        }
        // Masked weights go on moving in the master; the working copy holds them at zero.
        #expect(relativeError(weight.floats(), w) < 2e-6)
        #expect(relativeError(first.floats(), m) < 1e-5)
        #expect(relativeError(second.floats(), v) < 1e-5)
        let stored = weight.floats().map { rounded($0, to: workingType) }
        #expect(working.floats() == zip(stored, kept).map { value, isKept in isKept ? value : 0 })
    }

    /// More elements than one thread takes at a time.
    @Test func everyElementOfALongWeightIsStepped() {
        let count = (1 << 15) * 2 + 17
        let weight = Tensor.zeros([count])
        weight.rmspropStep(
            gradient: Tensor.full([count], -3), square: Tensor.zeros([count]), working: nil, rate: 1, decay: 0,
            epsilon: 0)
        #expect(weight.floats().allSatisfy { abs($0 - 1) < 1e-6 })
    }
}
