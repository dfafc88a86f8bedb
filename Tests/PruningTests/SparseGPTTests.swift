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

/// The solver against a slow implementation of the published recursion (arXiv 2301.00774, algorithm 1) in float64.
struct SparseGPTTests {
    /// Removes column after column with the inverse Hessian of the columns that are left, which is taken anew by
    /// elimination each time: no Cholesky factor, no blocks of updates.
    private func recursion(
        _ problem: CorrelatedProblem, _ goal: Goal
    ) -> (weight: [Double], mask: [Bool]) {
        let (rows, columns) = (problem.rows, problem.columns)
        var h = [[Double]](repeating: [Double](repeating: 0, count: columns), count: columns)
        for token in stride(from: 0, to: problem.x.count, by: columns) {
            let x = problem.x[token..<token + columns].map(Double.init)
            for i in 0..<columns { for j in 0...i { h[i][j] += 2 / Double(problem.samples) * x[i] * x[j] } }
        }
        for i in 0..<columns { for j in 0..<i { h[j][i] = h[i][j] } }
        var w = problem.weight.floats().map(Double.init)
        for j in 0..<columns where h[j][j] == 0 {
            h[j][j] = 1
            for r in 0..<rows { w[r * columns + j] = 0 }
        }
        let damping = 0.01 * (0..<columns).reduce(0) { $0 + h[$1][$1] } / Double(columns)
        for j in 0..<columns { h[j][j] += damping }
        var inverse = inverse(ofPositiveDefinite: h)
        // [H_F⁻¹] of the columns from i on, for every i: its first row is all that the recursion needs.
        var first: [[Double]] = []
        for i in 0..<columns {
            first.append(inverse[i])
            let pivot = inverse[i]
            for a in i + 1..<columns {
                let factor = inverse[a][i] / pivot[i]
                for b in i..<columns { inverse[a][b] -= factor * pivot[b] }
            }
        }
        var mask = [Bool](repeating: true, count: rows * columns)
        func choose(_ cells: [Int], removing count: Int) {
            let scores = cells.map { cell in w[cell] * w[cell] / first[cell % columns][cell % columns] }
            let order = cells.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
            for index in order.prefix(count) { mask[cells[index]] = false }
        }
        for i in 0..<columns {
            switch goal.pattern {
            case .unstructured:
                if i % 128 == 0 {
                    let width = min(128, columns - i)
                    let cells = (0..<rows * width).map { $0 / width * columns + i + $0 % width }
                    choose(cells, removing: goal.removed(of: cells.count))
                }
            case .keep(let keep, let group):
                if i % group == 0 {
                    for r in 0..<rows { choose((0..<group).map { r * columns + i + $0 }, removing: group - keep) }
                }
            }
            for r in 0..<rows where !mask[r * columns + i] {
                let error = w[r * columns + i] / first[i][i]
                for j in i..<columns { w[r * columns + j] -= error * first[i][j] }
                w[r * columns + i] = 0
            }
        }
        return (w, mask)
    }

    private func compare(_ problem: CorrelatedProblem, _ goal: Goal) throws {
        let expected = recursion(problem, goal)
        let factor = try #require(SparseGPT.factor(gram: problem.gram, samples: problem.samples))
        #expect(factor.damping == 0.01)
        let before = problem.weight.floats()
        let found = SparseGPT.solve(problem.weight, factor: factor, goal: goal)
        #expect(problem.weight.floats() == before)
        #expect(found.mask.floats().map { $0 == 1 } == expected.mask)
        #expect(relativeError(found.weight.floats(), expected.weight.map { Float($0) }) < 1e-4)
        for (value, isKept) in zip(found.weight.floats(), found.mask.floats()) where isKept == 0 { #expect(value == 0) }
        // Compensation is worth it.
        #expect(problem.error(found.weight) < problem.error(problem.weight * found.mask))
    }

    /// Fewer columns than a block, one more than a block, and several with a rest.
    @Test(arguments: [24, 129, 150])
    func unstructured(_ columns: Int) throws {
        try compare(
            CorrelatedProblem(rows: 5, columns: columns), Goal(pattern: .unstructured, sparsity: try Sparsity(0.4)))
    }

    /// Groups that divide 128 and ones that do not: a block of columns ends where a group does.
    @Test(arguments: [(2, 4, 24), (1, 4, 24), (1, 3, 12), (2, 3, 132), (3, 5, 130), (17, 40, 160), (16, 32, 160)])
    func pattern(_ keep: Int, _ group: Int, _ columns: Int) throws {
        try compare(
            CorrelatedProblem(rows: 4, columns: columns), Goal(pattern: .keep(keep, of: group), sparsity: .half))
    }

    @Test func deadColumnsLoseTheirWeights() throws {
        let problem = CorrelatedProblem(rows: 4, columns: 16, dead: [0, 5, 15])
        for goal in [
            Goal(pattern: .unstructured, sparsity: .half), Goal(pattern: .keep(2, of: 4), sparsity: .half),
        ] {
            try compare(problem, goal)
            let factor = try #require(SparseGPT.factor(gram: problem.gram, samples: 3))
            let weight = SparseGPT.solve(problem.weight, factor: factor, goal: goal).weight.floats()
            for row in 0..<4 { for column in [0, 5, 15] { #expect(weight[row * 16 + column] == 0) } }
        }
    }

    @Test func nothingIsRemovedAndNothingMovesAtSparsityZero() throws {
        let problem = CorrelatedProblem(rows: 3, columns: 20)
        let factor = try #require(SparseGPT.factor(gram: problem.gram, samples: 3))
        let result = SparseGPT.solve(
            problem.weight, factor: factor, goal: Goal(pattern: .unstructured, sparsity: try Sparsity(0)))
        #expect(result.weight.floats() == problem.weight.floats())
    }

    @Test func aSingularMatrixIsDampedMoreAndAnImpossibleOneIsRefused() throws {
        // Rank one: 1 % of the mean diagonal is enough in float64.
        #expect(try #require(SparseGPT.factor(gram: Tensor.full([8, 8], 1), samples: 1)).damping == 0.01)
        // An eigenvalue of −0.05 · mean diagonal: not a Gram matrix, but what rounding can make of one.
        func indefinite(_ share: Float) -> Tensor {
            // [[1, 1 + share], [1 + share, 1]] has the eigenvalue −share.
            Tensor([1, 1 + share, 1 + share, 1], shape: [2, 2])
        }
        for (share, damping) in [(Float(0.05), 0.1), (0.5, 1), (5, 10)] {
            let factor = try #require(SparseGPT.factor(gram: indefinite(share), samples: 1))
            #expect(abs(factor.damping - damping) < 1e-9)
        }
        #expect(SparseGPT.factor(gram: indefinite(50), samples: 1) == nil)
        #expect(SparseGPT.factor(gram: Tensor.full([2, 2], .nan), samples: 1) == nil)
    }

    /// All of a block: linears that share an input share the factor, and each has its own comparison groups.
    @Test func aBlockIsSolvedLinearByLinear() throws {
        let task = try Tiny().task(goals: goals(.keep(2, of: 4), without: [.up]))
        let outcome = try SparseGPTPruner().prune(task)
        let gram = try task.statistics(of: task.block, gram: true)
        for name in LinearName.ofLlama {
            let weight = task.block.weight(name)
            let found = outcome.block.weight(name).floats()
            guard let goal = task.goals[name] else {
                #expect(found == weight.floats())
                continue
            }
            let moments = try #require(gram.grams[name.projection])
            let factor = try #require(SparseGPT.factor(gram: moments, samples: task.input.samples))
            #expect(found == SparseGPT.solve(weight, factor: factor, goal: goal).weight.floats())
        }
        #expect(outcome.notes.isEmpty)
    }
}
