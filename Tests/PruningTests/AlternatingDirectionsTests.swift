import Decoders
import Recipes
import TestSupport
import Testing
import Torch

@testable import Pruning

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The solver against the same iteration written out in float64 with an inverse by elimination, and against the exact
/// least-squares weights under its own mask.
struct AlternatingDirectionsTests {
    private static let halves = Goal(pattern: .keep(2, of: 4), sparsity: .half)

    /// H scaled to a unit diagonal, and the scales, in float64.
    private func moments(_ problem: CorrelatedProblem) -> (hessian: [[Double]], scale: [Double]) {
        let columns = problem.columns
        let gram = problem.gram.floats().map(Double.init)
        var h = (0..<columns).map { row in (0..<columns).map { gram[row * columns + $0] } }
        for j in 0..<columns where h[j][j] == 0 { h[j][j] = 1 }
        let damping = 0.01 * (0..<columns).reduce(0) { $0 + h[$1][$1] } / Double(columns)
        for j in 0..<columns { h[j][j] += damping }
        let scale = (0..<columns).map { h[$0][$0].squareRoot() }
        for i in 0..<columns { for j in 0..<columns { h[i][j] /= scale[i] * scale[j] } }
        return (h, scale)
    }

    /// One row of a product with a matrix.
    private func times(_ row: [Double], _ matrix: [[Double]]) -> [Double] {
        matrix.indices.map { j in row.indices.reduce(0) { $0 + row[$1] * matrix[$1][j] } }
    }

    /// Keeps the `keep` largest of every `group` columns.
    private func mask(_ row: [Double], keep: Int, of group: Int) -> [Bool] {
        var kept = [Bool](repeating: false, count: row.count)
        for start in stride(from: 0, to: row.count, by: group) {
            let order = (start..<start + group).sorted { (abs(row[$0]), $0) > (abs(row[$1]), $1) }
            for index in order.prefix(keep) { kept[index] = true }
        }
        return kept
    }

    /// The least-squares weights of one row under a mask: Ŵ H = D H on the kept columns.
    private func exact(_ dense: [Double], _ keep: [Bool], _ h: [[Double]]) -> [Double] {
        let kept = keep.indices.filter { keep[$0] }
        let right = times(dense, h)
        let inner = inverse(ofPositiveDefinite: kept.map { i in kept.map { h[i][$0] } })
        let solved = times(kept.map { right[$0] }, inner)
        var result = [Double](repeating: 0, count: dense.count)
        for (index, column) in kept.enumerated() { result[column] = solved[index] }
        return result
    }

    /// The masks of the iteration, in float64: 9 rounds, ρ from 0.5, raised after every third.
    private func masks(_ problem: CorrelatedProblem, dead: Set<Int> = []) -> [[Bool]] {
        let (h, scale) = moments(problem)
        let values = problem.weight.floats().map(Double.init)
        let dense = (0..<problem.rows).map { row in
            (0..<problem.columns).map { dead.contains($0) ? 0 : values[row * problem.columns + $0] * scale[$0] }
        }
        var keep = dense.map { mask($0, keep: 2, of: 4) }
        var judged = keep
        var pruned = zip(dense, keep).map { row, keep in zip(row, keep).map { $1 ? $0 : 0 } }
        var multipliers = dense.map { $0.map { _ in 0.0 } }
        var rho = 0.5
        for iteration in 1...9 {
            let shifted = inverse(
                ofPositiveDefinite: h.indices.map { i in h.indices.map { h[i][$0] + (i == $0 ? rho : 0) } })
            for row in dense.indices {
                let target = times(dense[row], h)
                let right = target.indices.map { target[$0] - multipliers[row][$0] + rho * pruned[row][$0] }
                let free = times(right, shifted)
                let moved = free.indices.map { free[$0] + multipliers[row][$0] / rho }
                keep[row] = mask(moved, keep: 2, of: 4)
                for j in moved.indices {
                    pruned[row][j] = keep[row][j] ? moved[j] : 0
                    multipliers[row][j] += rho * (free[j] - pruned[row][j])
                }
            }
            guard iteration % 3 == 0 else { continue }
            let changed = zip(keep.joined(), judged.joined()).reduce(0.0) { $0 + ($1.0 == $1.1 ? 0 : 0.5) }
            if changed == 0 { break }
            judged = keep
            let kept = Double(dense.count * problem.columns / 2)
            rho *= changed >= 0.1 * kept ? 1.3 : changed >= 0.005 * kept ? 1.2 : 1.1
        }
        return keep
    }

    private func solve(
        _ problem: CorrelatedProblem, _ goal: Goal
    ) throws -> (weight: Tensor, mask: Tensor) {
        try #require(
            AlternatingDirections.solve(
                problem.weight, moments: AlternatingDirections.Moments(gram: problem.gram), goal: goal))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theMasksAreThoseOfTheIterationInFloat64(_ seed: UInt64) throws {
        let problem = CorrelatedProblem(rows: 6, columns: 24, dead: [5], seed: seed)
        let before = problem.weight.floats()
        let found = try solve(problem, Self.halves)
        #expect(problem.weight.floats() == before)
        #expect(found.mask.floats().map { $0 == 1 } == Array(masks(problem, dead: [5]).joined()))
        for row in 0..<6 { #expect(found.weight.floats()[row * 24 + 5] == 0) }
        for (value, isKept) in zip(found.weight.floats(), found.mask.floats()) where isKept == 0 { #expect(value == 0) }
    }

    /// With steps enough, the refinement is the exact solution under its mask; with the few it has, it is close to it.
    @Test func theWeightsAreTheLeastSquaresOnesUnderTheirMask() throws {
        let problem = CorrelatedProblem(rows: 4, columns: 24)
        let found = try solve(problem, Self.halves)
        let (h, scale) = moments(problem)
        let values = problem.weight.floats().map(Double.init)
        let keep = found.mask.floats().map { $0 == 1 }
        var expected: [Float] = []
        for row in 0..<4 {
            let dense = (0..<24).map { values[row * 24 + $0] * scale[$0] }
            let solved = exact(dense, Array(keep[row * 24..<(row + 1) * 24]), h)
            expected += solved.indices.map { Float(solved[$0] / scale[$0]) }
        }
        #expect(relativeError(found.weight.floats(), expected) < 0.02)

        let moments = AlternatingDirections.Moments(gram: problem.gram)
        let refined = AlternatingDirections.refine(
            found.weight * moments.scale, under: found.mask,
            target: (problem.weight * moments.scale).matmul(moments.hessian), hessian: moments.hessian, steps: 24)
        #expect(relativeError((refined / moments.scale).floats(), expected) < 1e-4)
    }

    /// What it is for: a smaller error than the greedy solver's, in every pattern.
    @Test(arguments: [Pattern.unstructured, .keep(2, of: 4), .keep(4, of: 8), .keep(1, of: 4)])
    func theErrorIsSmallerThanSparseGPTs(_ pattern: Pattern) throws {
        let goal = Goal(pattern: pattern, sparsity: .half)
        for seed in [4, 5, 6] as [UInt64] {
            let problem = CorrelatedProblem(rows: 16, columns: 64, seed: seed)
            let factor = try #require(SparseGPT.factor(gram: problem.gram, samples: problem.samples))
            let greedy = SparseGPT.solve(problem.weight, factor: factor, goal: goal)
            let found = try solve(problem, goal)
            #expect(found.mask.sum().scalar == greedy.mask.sum().scalar)
            #expect(problem.error(found.weight) < problem.error(greedy.weight))
        }
    }

    @Test func momentsThatAreNotNumbersAreRefused() throws {
        let weight = Tensor.full([2, 4], 1)
        let moments = AlternatingDirections.Moments(gram: Tensor.full([4, 4], .nan))
        #expect(AlternatingDirections.solve(weight, moments: moments, goal: Self.halves) == nil)
    }

    /// All of a block: each linear has its own comparison group.
    @Test func aBlockIsSolvedAndWhatHasNoGoalStays() throws {
        let task = try Tiny().task(goals: goals(without: [.up, .k]))
        let outcome = try AlternatingDirectionsPruner().prune(task)
        expectHalfRemoved(outcome, of: task)
    }
}
