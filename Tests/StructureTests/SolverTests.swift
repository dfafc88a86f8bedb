import Decoders
import Testing
import Torch

@testable import Structure

/// The eliminations against least-squares weights from the normal equations in float64.
@Suite("Local solver")
struct SolverTests {
    @Test("at every width the weights are the least-squares ones and the costs sum to the error")
    func neurons() throws {
        // More than one delayed update, and widths between them.
        let problem = Problem(rows: 6, columns: 150)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        let widths = [150, 149, 100, 86, 40, 1, 0]
        let found = SubLayerSolver.neurons(down: problem.weight, hessian: hessian, widths: widths)
        #expect(found.count == widths.count)
        for (candidate, width) in zip(found, widths) {
            guard case .neurons(let kept) = candidate.kept else {
                Issue.record("not neurons")
                continue
            }
            #expect(kept.count == width && kept == kept.sorted() && candidate.weight.shape == [6, width])
            let expected = problem.leastSquares(kept)
            #expect(width == 0 || relativeError(candidate.weight.floats(), expected.weight) < 1e-4, "\(width)")
            #expect(abs(candidate.error - expected.error) < 1e-4 * max(expected.error, 1e-3), "\(width)")
        }
        // Nested: what is gone stays gone.
        for (wide, narrow) in zip(found, found.dropFirst()) {
            #expect(Set(narrow.kept.columns(headDimension: 1)).isSubset(of: wide.kept.columns(headDimension: 1)))
            #expect(narrow.error >= wide.error)
        }
    }

    @Test("the one shape that is asked for is that of the whole list")
    func oneShape() throws {
        let problem = Problem(rows: 5, columns: 24, seed: 4)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        let shape = LayerShape(headCount: 12, keyValueHeadCount: 4, intermediateSize: 0)
        func solve(_ wanted: LayerShape?) -> [Candidate] {
            SubLayerSolver.heads(o: problem.weight, hessian: hessian, shape: shape, headDimension: 2, only: wanted)
        }
        let all = solve(nil)
        #expect(all.count == 13)
        for candidate in all {
            guard case .heads(let groups) = candidate.kept else {
                Issue.record("no heads")
                continue
            }
            let found = solve(
                LayerShape(
                    headCount: groups.reduce(0) { $0 + $1.queryHeads.count }, keyValueHeadCount: groups.count,
                    intermediateSize: 0))
            #expect(found.count == 1 && found[0].kept == candidate.kept && found[0].error == candidate.error)
            #expect(found[0].weight.floats() == candidate.weight.floats())
        }
    }

    @Test("each removal takes the column whose loss costs least")
    func greedy() throws {
        let problem = Problem(rows: 4, columns: 24, seed: 3)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        var kept = Array(0..<24)
        for width in stride(from: 23, through: 4, by: -1) {
            let errors = kept.map { gone in problem.leastSquares(kept.filter { $0 != gone }).error }
            let cheapest = try #require(errors.indices.min { errors[$0] < errors[$1] })
            kept.remove(at: cheapest)
            let found = SubLayerSolver.neurons(down: problem.weight, hessian: hessian, widths: [width])
            #expect(found[0].kept == .neurons(kept), "\(width)")
        }
    }

    @Test("with the gradient term the column of the smallest |G·W| + e / 2 goes, and what stays makes up for it")
    func gradientTerm() throws {
        let problem = Problem(rows: 4, columns: 24, seed: 3)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        let gradient = problem.weight.to(.float64).matmul(hessian.hessian).floats()
        var kept = Array(0..<24)
        for width in [23, 22, 21, 12, 4] {
            let found = SubLayerSolver.neurons(
                down: problem.weight, hessian: hessian, widths: [width], usesGradient: true)[0]
            while kept.count > width {
                let now = problem.leastSquares(kept)
                let scores = kept.indices.map { place in
                    let cost = problem.leastSquares(kept.filter { $0 != kept[place] }).error - now.error
                    let slope = (0..<4).reduce(0.0) {
                        $0 + Double(gradient[$1 * 24 + kept[place]]) * Double(now.weight[$1 * kept.count + place])
                    }
                    return abs(slope) + cost / 2
                }
                kept.remove(at: try #require(scores.indices.min { scores[$0] < scores[$1] }))
            }
            #expect(found.kept == .neurons(kept), "\(width)")
            let expected = problem.leastSquares(kept)
            #expect(relativeError(found.weight.floats(), expected.weight) < 1e-4)
            #expect(abs(found.error - expected.error) < 1e-4 * max(expected.error, 1e-3))
        }
        // After a delayed update the choice goes on with what is left.
        let wide = Problem(rows: 4, columns: 80, seed: 3)
        let wideHessian = try #require(DampedHessian(gram: wide.gram))
        let steps = SubLayerSolver.neurons(
            down: wide.weight, hessian: wideHessian, widths: Array((2...80).reversed()), usesGradient: true)
        let jump = SubLayerSolver.neurons(down: wide.weight, hessian: wideHessian, widths: [2], usesGradient: true)
        #expect(steps.last?.kept == jump[0].kept)
        // Query heads by the same rule: the first key-value head to go.
        let small = Problem(rows: 5, columns: 36, seed: 7)
        let moments = try #require(DampedHessian(gram: small.gram))
        let slopes = (small.weight.to(.float64).matmul(moments.hessian) * small.weight.to(.float64)).floats()
        let scores = (0..<3).map { group in
            let columns = Set(group * 12..<(group + 1) * 12)
            let slope = (0..<5).reduce(0.0) { sum, row in columns.reduce(sum) { $0 + Double(slopes[row * 36 + $1]) } }
            return abs(slope) + small.leastSquares((0..<36).filter { !columns.contains($0) }).error / 2
        }
        let heads = SubLayerSolver.heads(
            o: small.weight, hessian: moments,
            shape: LayerShape(headCount: 9, keyValueHeadCount: 3, intermediateSize: 0), headDimension: 4,
            usesGradient: true)
        guard case .heads(let groups) = heads[1].kept else { return }
        let gone = try #require(scores.indices.min { scores[$0] < scores[$1] })
        #expect(Set(groups.map(\.keyValueHead)) == Set([0, 1, 2]).subtracting([gone]))
    }

    @Test("attention reaches every shape, with least-squares weights and the errors that the costs sum to")
    func heads() throws {
        // 3 key-value heads with 3 query heads of 4.
        let problem = Problem(rows: 5, columns: 36, seed: 5)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        let found = SubLayerSolver.heads(
            o: problem.weight, hessian: hessian,
            shape: LayerShape(headCount: 9, keyValueHeadCount: 3, intermediateSize: 0), headDimension: 4)
        var shapes: [[Int]] = []
        for candidate in found {
            guard case .heads(let groups) = candidate.kept else {
                Issue.record("not heads")
                continue
            }
            shapes.append([groups.first?.queryHeads.count ?? 0, groups.count])
            for group in groups {
                #expect(group.queryHeads.count == groups[0].queryHeads.count)
                #expect(group.queryHeads.allSatisfy { $0 / 3 == group.keyValueHead })
            }
            let columns = candidate.kept.columns(headDimension: 4)
            let expected = problem.leastSquares(columns)
            #expect(columns.isEmpty || relativeError(candidate.weight.floats(), expected.weight) < 1e-5)
            #expect(abs(candidate.error - expected.error) < 1e-6 * max(expected.error, 1))
        }
        #expect(shapes == [[3, 3], [3, 2], [3, 1], [2, 3], [2, 2], [2, 1], [1, 3], [1, 2], [1, 1], [0, 0]])
    }

    @Test("the key-value head that goes first is the one whose loss costs least")
    func greedyHeads() throws {
        let problem = Problem(rows: 5, columns: 36, seed: 7)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        let found = SubLayerSolver.heads(
            o: problem.weight, hessian: hessian,
            shape: LayerShape(headCount: 9, keyValueHeadCount: 3, intermediateSize: 0), headDimension: 4)
        let all = Set(0..<36)
        let errors = (0..<3).map { group in
            problem.leastSquares(all.subtracting(group * 12..<(group + 1) * 12).sorted()).error
        }
        let expected = try #require(errors.indices.min { errors[$0] < errors[$1] })
        guard case .heads(let groups) = found[1].kept else { return }
        #expect(Set(groups.map(\.keyValueHead)) == Set([0, 1, 2]).subtracting([expected]))
    }

    @Test("inputs that are always zero, and moments that are not numbers")
    func degenerate() throws {
        let weight = Tensor.full([3, 4], 1)
        let none = try #require(DampedHessian(gram: Tensor.zeros([4, 4])))
        let found = SubLayerSolver.neurons(down: weight, hessian: none, widths: [2])
        #expect(found[0].kept.columns(headDimension: 1).count == 2 && found[0].weight.allFinite())
        #expect(DampedHessian(gram: Tensor.full([4, 4], .nan)) == nil)
    }

    @Test("the damping grows when a factor needs it")
    func damping() throws {
        let problem = Problem(rows: 2, columns: 12)
        #expect(try #require(DampedHessian(gram: problem.gram)).damping == 0.01)
        // A matrix that is not positive semidefinite, as rounding makes them.
        let gram = Tensor([1, 1.05, 1.05, 1], shape: [2, 2])
        let ladder = try #require(DampedHessian(gram: gram))
        #expect(ladder.damping == 0.1)
    }
}

@Suite("Levels")
struct LevelTests {
    @Test("widths are whole granules, once each, the dense one first")
    func widths() {
        #expect(Levels.widths(of: 100, sparsities: [0, 0.25, 0.5, 1], granularity: 1) == [100, 75, 50, 0])
        #expect(Levels.widths(of: 100, sparsities: [0.5, 0.52, 0.9], granularity: 16) == [100, 48, 16])
        #expect(Levels.widths(of: 10, sparsities: [1], granularity: 64) == [10, 0])
    }

    @Test("the mean matrix is that of the candidates' outputs, weighted by what stays of them")
    func expectation() throws {
        let problem = Problem(rows: 3, columns: 12)
        let hessian = try #require(DampedHessian(gram: problem.gram))
        let candidates = SubLayerSolver.neurons(down: problem.weight, hessian: hessian, widths: [12, 6, 3, 0])
        let mean = try #require(ExpectedWeight.of(candidates, width: 12, headDimension: 1)).floats()
        var expected = [Double](repeating: 0, count: 36)
        for (candidate, share) in zip(candidates, [1, 0.5, 0.25]) {
            let values = candidate.weight.floats()
            let columns = candidate.kept.columns(headDimension: 1)
            for row in 0..<3 {
                for (place, column) in columns.enumerated() {
                    expected[row * 12 + column] += share * Double(values[row * columns.count + place]) / 1.75
                }
            }
        }
        #expect(relativeError(mean, expected) < 1e-6)
    }
}
