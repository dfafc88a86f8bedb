import Foundation
import Testing

@testable import Torch

/// The loss on whole predictions, the norm of gradients and AdamW, against the same in float64.
@Suite("Training's loops")
struct TrainingLoopTests {
    private struct Case: Sendable {
        var kl: Double
        var lm: Double
        var hasTeacher = true
        var dtype = DType.float32
    }

    private static let width = 77
    private static let targets: [Int64] = [3, -1, 76, 0, 40]

    private func reference(
        _ z: [Double], _ d: [Double]?, target: Int, kl: Double, lm: Double, scale: Double
    ) -> (kl: Double, lm: Double, gradient: [Double]) {
        func logs(_ values: [Double]) -> [Double] {
            let top = values.max() ?? 0
            let sum = log(values.reduce(0) { $0 + exp($1 - top) }) + top
            return values.map { $0 - sum }
        }
        let own = logs(z)
        let other = d.map(logs)
        let divergence = other.map { zip($0, own).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) } } ?? 0
        let gradient = own.indices.map { i in
            let p = exp(own[i])
            let fromTeacher = other.map { kl * (p - exp($0[i])) } ?? kl * p
            return scale * (fromTeacher + lm * (p - (i == target ? 1 : 0)))
        }
        return (divergence, -own[target], gradient)
    }

    @Test(
        "KL, surprise and gradient are those of float64",
        arguments: [
            (1.0, 0.0, true), (0.0, 1.0, false), (1.0, 1.0, true), (0.25, 2.0, true),
        ])
    func loss(kl: Double, lm: Double, hasTeacher: Bool) {
        for dtype in [DType.float32, .bfloat16] {
            for byTensors in [false, true] {
                var draws = Draws(11)
                let logits = (draws.tensor([5, TrainingLoopTests.width]) * 4).to(dtype)
                let dense = hasTeacher ? (draws.tensor([5, TrainingLoopTests.width]) * 4).to(dtype) : nil
                let z = logits.doubles()
                let d = dense?.doubles()
                let targets = Tensor(TrainingLoopTests.targets)
                let losses =
                    (byTensors
                    ? logits.replaceByGradientByTensors(
                        ofDistillationFrom: dense, targets: targets, kl: kl, lm: lm, scale: 0.5)
                    : logits.replaceByGradient(ofDistillationFrom: dense, targets: targets, kl: kl, lm: lm, scale: 0.5))
                    .doubles()
                let gradient = logits.doubles()
                for (row, target) in TrainingLoopTests.targets.enumerated() {
                    let range = row * TrainingLoopTests.width..<(row + 1) * TrainingLoopTests.width
                    guard target >= 0 else {
                        #expect(losses[2 * row] == 0 && losses[2 * row + 1] == 0)
                        #expect(gradient[range].allSatisfy { $0 == 0 })
                        continue
                    }
                    let expected = reference(
                        Array(z[range]), d.map { Array($0[range]) }, target: Int(target), kl: kl, lm: lm, scale: 0.5)
                    #expect(abs(losses[2 * row] - expected.kl) < 2e-5)
                    #expect(abs(losses[2 * row + 1] - expected.lm) < 2e-5)
                    let tolerance = dtype == .float32 ? 2e-6 : 4e-3
                    for (found, wanted) in zip(gradient[range], expected.gradient) {
                        #expect(abs(found - wanted) < tolerance)
                    }
                }
            }
        }
    }

    @Test("without a gradient the losses are the same, and logits stay", arguments: [true, false])
    func lossAlone(hasTeacher: Bool) {
        for dtype in [DType.float32, .bfloat16] {
            var draws = Draws(12)
            let logits = (draws.tensor([5, TrainingLoopTests.width]) * 4).to(dtype)
            let dense = hasTeacher ? (draws.tensor([5, TrainingLoopTests.width]) * 4).to(dtype) : nil
            let targets = Tensor(TrainingLoopTests.targets)
            let before = logits.doubles()
            func losses(_ scale: Double, _ byTensors: Bool) -> [Double] {
                let z = scale == 0 ? logits : logits.clone()
                return
                    (byTensors
                    ? z.replaceByGradientByTensors(
                        ofDistillationFrom: dense, targets: targets, kl: 1, lm: 1, scale: scale)
                    : z.replaceByGradient(ofDistillationFrom: dense, targets: targets, kl: 1, lm: 1, scale: scale))
                    .doubles()
            }
            for byTensors in [false, true] {
                #expect(losses(0, byTensors) == losses(0.5, byTensors))
                #expect(logits.doubles() == before)
            }
        }
    }

    @Test("infinite or missing logits show in the loss")
    func notANumber() {
        let logits = Tensor([Float](repeating: 0, count: 3) + [.nan], shape: [1, 4])
        let losses = logits.replaceByGradient(
            ofDistillationFrom: nil, targets: Tensor([Int64(1)]), kl: 0, lm: 1, scale: 1
        ).doubles()
        #expect(!losses[1].isFinite)
    }

    @Test("the sum of squares leaves out what is pruned")
    func squares() {
        var draws = Draws(3)
        let gradient = draws.tensor([300, 257])
        let weight = gradient.isGreater(than: 0.3).to(.float32)
        let kept = zip(gradient.doubles(), weight.doubles()).reduce(0) { $0 + ($1.1 == 0 ? 0 : $1.0 * $1.0) }
        #expect(abs(gradient.squareSum(where: weight) / kept - 1) < 1e-5)
        let all = gradient.doubles().reduce(0) { $0 + $1 * $1 }
        #expect(abs(gradient.squareSum() / all - 1) < 1e-5)
    }

    @Test("a sum and a gradient are zero where the weight is", arguments: [DType.float32, .bfloat16])
    func underZeros(dtype: DType) {
        var draws = Draws(5)
        let base = draws.tensor([70, 513])
        for column in stride(from: 0, to: 513, by: 3) { base.narrowed(1, column, 1).fill(0) }
        let added = draws.tensor([70, 513])
        let (b, a) = (base.doubles(), added.doubles())
        let tolerance = dtype == .float32 ? 1e-6 : 0.02
        for keepsZeros in [true, false] {
            // Rows of a larger tensor, as a linear's of a projection are.
            let whole = Tensor.zeros([72, 513], dtype)
            whole.narrowed(0, 1, 70).set(sumOf: base, added, keepsZeros: keepsZeros)
            let found = whole.narrowed(0, 1, 70).to(.float32).doubles()
            for index in b.indices {
                let wanted = keepsZeros && b[index] == 0 ? 0 : b[index] + a[index]
                guard abs(found[index] - wanted) <= tolerance, b[index] != 0 || !keepsZeros || found[index] == 0 else {
                    Issue.record("place \(index): \(found[index]) instead of \(wanted)")
                    return
                }
            }
            #expect(whole.narrowed(0, 0, 1).magnitude().maximum().scalar == 0)
            #expect(whole.narrowed(0, 71, 1).magnitude().maximum().scalar == 0)
        }
        let gradient = added.to(dtype) === added ? added.clone() : added.to(dtype)
        let before = gradient.to(.float32).doubles()
        gradient.keepZeros(of: base)
        let after = gradient.to(.float32).doubles()
        #expect(zip(zip(before, after), b).allSatisfy { $0.1 == ($1 == 0 ? 0 : $0.0) })
    }

    @Test("AdamW's steps are those of float64, and zeros stay", arguments: [DType.float32, .bfloat16])
    func adamW(dtype: DType) {
        var draws = Draws(7)
        let count = 5000
        let weight = draws.tensor([count])
        for index in stride(from: 0, to: count, by: 3) { weight.narrowed(0, index, 1).fill(0) }
        var w = weight.doubles()
        let (first, second) = (Tensor.zeros([count]), Tensor.zeros([count]))
        let working = Tensor.zeros([count], dtype)
        var (m, v) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        for step in 1...4 {
            let gradient = draws.tensor([count]).to(dtype)
            let g = gradient.doubles().map { $0 * 0.7 }
            weight.adamWStep(
                gradient: gradient, first: first, second: second, working: working, factor: 0.7, rate: 1e-2, decay: 0.1,
                beta1: 0.9, beta2: 0.95, epsilon: 1e-8, step: step, keepsZeros: true)
            for i in w.indices where w[i] != 0 {
                m[i] = 0.9 * m[i] + 0.1 * g[i]
                v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i]
                let (mean, square) = (m[i] / (1 - pow(0.9, Double(step))), v[i] / (1 - pow(0.95, Double(step))))
                w[i] = w[i] * (1 - 1e-3) - 1e-2 * mean / (square.squareRoot() + 1e-8)
            }
        }
        let found = weight.doubles()
        for i in w.indices { #expect(abs(found[i] - w[i]) < 2e-6) }
        #expect(zip(found, w).allSatisfy { ($0 == 0) == ($1 == 0) })
        #expect(zip(working.floats(), weight.to(dtype).floats()).allSatisfy { $0 == $1 })
    }

    @Test("a linear with adapters has the gradients of W + s·B·A")
    func lowRank() {
        var draws = Draws(5)
        let (rank, width) = (3, 8)
        let x = draws.tensor([6, width])
        let base = draws.tensor([10, width])
        let (a, b) = (draws.tensor([2 * rank, width]), draws.tensor([7, rank]))
        let parts = [0..<4, 7..<10]
        // By automatic differentiation of the plain formula.
        let (a1, b1, x1) = (a.clone(), b.clone(), x.clone())
        for leaf in [a1, b1, x1] { leaf.requireGradient() }
        let slope = draws.tensor([6, 10])
        Engine.withGradient(true) {
            let low1 = x1.linear(a1.narrowed(0, 0, rank)).linear(b1.narrowed(0, 0, 4)) * 0.5
            let low2 = x1.linear(a1.narrowed(0, rank, rank)).linear(b1.narrowed(0, 4, 3)) * 0.5
            let y = x1.linear(base)
            let all = Tensor.concatenated([low1, Tensor.zeros([6, 3]), low2], dimension: 1)
            return y + all
        }.backward(gradient: slope)
        let weight = base.clone()
        weight.narrowed(0, 0, 4).addMatmul(b.narrowed(0, 0, 4), a.narrowed(0, 0, rank), alpha: 0.5)
        weight.narrowed(0, 7, 3).addMatmul(b.narrowed(0, 4, 3), a.narrowed(0, rank, rank), alpha: 0.5)
        for leaf in [a, b, x] { leaf.requireGradient() }
        Engine.withGradient(true) {
            x.linear(weight, bias: nil, lowRank: a, b, scale: 0.5, parts: parts)
        }.backward(gradient: slope)
        for (found, wanted) in [(a, a1), (b, b1), (x, x1)] {
            for (value, expected) in zip(found.takeGradient().floats(), wanted.takeGradient().floats()) {
                #expect(abs(value - expected) < 1e-4)
            }
        }
    }
}
