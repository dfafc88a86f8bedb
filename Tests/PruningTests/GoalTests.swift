import Decoders
import Recipes
import Testing
import Torch

@testable import Pruning

/// Scores by hand, and masks with the comparison group of each method.
struct GoalTests {
    @Test func scoresByHand() {
        let weight = Tensor([1.0, -2, 3, -4], shape: [2, 2])
        let squares = Tensor([4.0, 9])
        let gradient = Tensor([0.5, 0, 1, 2], shape: [2, 2])
        #expect(Scores.magnitude(weight).floats() == [1, 2, 3, 4])
        #expect(Scores.wanda(weight, squares: squares).floats() == [2, 6, 6, 12])
        // (10 · 0.5 + 2) · 1, (0 + 3) · 2, (10 + 2) · 3, (20 + 3) · 4
        #expect(
            Scores.regional(weight, squares: squares, gradient: gradient, alpha: 10).floats() == [7, 6, 36, 92])
    }

    @Test func rowsLoseTheSameCountEachAndAMatrixItsCountInAll() throws {
        // All the small scores lie in the first row.
        let scores = Tensor((0..<20).map(Float.init), shape: [2, 10])
        let goal = Goal(pattern: .unstructured, sparsity: try Sparsity(0.35))
        let rows = goal.mask(scores: scores, group: .row).floats()
        #expect(rows[..<10].count { $0 == 0 } == 3)
        #expect(rows[10...].count { $0 == 0 } == 3)
        let matrix = goal.mask(scores: scores, group: .matrix).floats()
        #expect(matrix[..<10].count { $0 == 0 } == 7)
        #expect(matrix[10...].count { $0 == 0 } == 0)
        // Columns 0…3, 4…7 and 8…9 of both rows: 8, 8 and 4 weights.
        let columns = goal.mask(scores: scores, group: .columns(4)).floats()
        let zeros = columns.indices.filter { columns[$0] == 0 }
        #expect(zeros == [0, 1, 4, 5, 8])
    }

    @Test(arguments: [0.0, 0.29, 0.5, 0.999])
    func theCountIsTheFloorOfTheShare(_ fraction: Double) throws {
        let goal = Goal(pattern: .unstructured, sparsity: try Sparsity(fraction))
        let mask = goal.mask(scores: Tensor.full([3, 100], 1), group: .row).floats()
        let removed = [0.0: 0, 0.29: 29, 0.5: 50, 0.999: 99][fraction]
        for row in 0..<3 { #expect(mask[row * 100..<(row + 1) * 100].count { $0 == 0 } == removed) }
    }

    @Test(arguments: [ComparisonGroup.row, .matrix])
    func aPatternHoldsInEveryGroupWhateverTheComparisonGroup(_ group: ComparisonGroup) {
        var draws = Draws(1)
        let goal = Goal(pattern: .keep(1, of: 3), sparsity: .half)
        let mask = goal.mask(scores: draws.tensor([4, 12]), group: group).floats()
        for start in stride(from: 0, to: mask.count, by: 3) { #expect(mask[start..<start + 3].count { $0 == 1 } == 1) }
    }

    @Test func linearsOfAProjectionAreMaskedByThemselvesAndOthersKept() throws {
        let block = try Tiny().decoder.block(0)
        let projection = block.qkv
        // Scores that rise with the row: over all rows at once q would lose everything.
        let scores = Tensor((0..<32 * 16).map(Float.init), shape: [32, 16])
        let mask = projection.mask(scores: scores, goals: goals(without: [.k]), group: .matrix)
        let zeros = projection.rows(of: mask).map { $0.rows.floats().count { $0 == 0 } }
        #expect(zeros == [16 * 16 / 2, 0, 8 * 16 / 2])
    }
}
