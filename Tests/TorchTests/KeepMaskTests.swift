import Testing

@testable import Torch

/// Masks with exact counts: a K:M pattern or a sparsity holds to the weight, whatever the scores are.
struct KeepMaskTests {
    /// Sorting by (score, index) and dropping from the low end, group by group.
    private func expected(_ scores: [Float], keep: Int, group: Int) -> [Bool] {
        var mask = [Bool](repeating: true, count: scores.count)
        for start in stride(from: 0, to: scores.count, by: group) {
            let order = (start..<start + group).sorted { (scores[$0], $0) < (scores[$1], $1) }
            for index in order.prefix(group - keep) { mask[index] = false }
        }
        return mask
    }

    /// The mask; empty when the loops and the tensor operations, which other devices use, disagree.
    private func found(_ scores: [Float], keep: Int, group: Int) -> [Bool] {
        let scores = Tensor(scores, shape: [scores.count / group, group])
        let mask = scores.keepMask(keep, of: group)
        let values = mask.floats()
        #expect(values == scores.keepMaskByTensors(keep, of: group).floats())
        return mask.dtype == .bool ? values.map { $0 == 1 } : []
    }

    /// Groups that all threads share, of scores that differ in their last bits only, of few values, and of all sizes;
    /// the number that stays falls within a run of equals, too.
    @Test(arguments: [1, 2]) func groupsOfAWholeMatrix(_ threads: Int) {
        let before = Engine.threads
        Engine.setThreads(threads)
        defer { Engine.setThreads(before) }
        let group = (1 << 16) + 4321
        var draws = Draws(11)
        let near = (0..<2 * group).map { _ in Float(bitPattern: 0x3F80_0000 + UInt32(draws.whole(50))) }
        let few = (0..<2 * group).map { _ in Float(draws.whole(3)) - 1 }
        let wide = (0..<2 * group).map { _ in
            draws.number() * Float(sign: .plus, exponent: draws.whole(60) - 30, significand: 1)
        }
        for scores in [near, few, wide] {
            for keep in [0, 1, group / 3, group / 2, group - 1, group] {
                #expect(
                    found(scores, keep: keep, group: group) == expected(scores, keep: keep, group: group), "\(keep)")
            }
        }
    }

    /// Every K of groups on both sides of 32, where the way of choosing changes; scores of few values, so that ties
    /// abound.
    @Test(arguments: [1, 2, 3, 4, 8, 31, 32, 33, 63, 64])
    func everyCountOfAGroup(_ group: Int) {
        var draws = Draws(UInt64(group))
        let scores = (0..<group * 6).map { _ in Float(draws.whole(5)) }
        for keep in 0...group {
            #expect(found(scores, keep: keep, group: group) == expected(scores, keep: keep, group: group), "\(keep)")
        }
    }

    @Test(arguments: [0, 1, 499, 500, 999, 1000])
    func aLongGroupIsAnUnstructuredMask(_ keep: Int) {
        var draws = Draws(3)
        let scores = (0..<3000).map { _ in Float(draws.whole(40)) }
        let mask = found(scores, keep: keep, group: 1000)
        #expect(mask == expected(scores, keep: keep, group: 1000))
        for row in 0..<3 { #expect(mask[row * 1000..<(row + 1) * 1000].count { $0 } == keep) }
    }

    @Test(arguments: [4, 64])
    func amongEqualsTheLowerIndexGoesFirst(_ group: Int) {
        let mask = found([Float](repeating: 1, count: group), keep: group / 4, group: group)
        #expect(mask == (0..<group).map { $0 >= group - group / 4 })
    }

    @Test(arguments: [64, 1 << 16]) func zerosOfBothSignsAreEqualInLongGroups(_ group: Int) {
        let mask = found((0..<group).map { $0.isMultiple(of: 2) ? 0 : -0.0 }, keep: group / 4, group: group)
        #expect(mask == (0..<group).map { $0 >= group - group / 4 })
    }

    @Test func negativeScoresAndZerosOfBothSignsAreOrderedAsNumbers() {
        #expect(found([-1, 0, -0.0, 1], keep: 2, group: 4) == [false, false, true, true])
        #expect(found([-3, -2, -1, -4], keep: 2, group: 4) == [false, true, true, false])
    }

    /// Not-a-numbers must not reach a mask; if one does, the count must hold and nothing may be read out of bounds.
    @Test(arguments: [4, 64, 1000, 1 << 16])
    func countsHoldForScoresThatAreNotNumbers(_ group: Int) {
        var draws = Draws(4)
        let scores = (0..<group).map { $0 % 3 == 0 ? Float.nan : draws.number() }
        #expect(found(scores, keep: group / 2, group: group).count { $0 } == group / 2)
    }

    @Test func aViewIsReadInItsOwnOrder() {
        let scores: [Float] = [4, 1, 3, 2, 2, 3, 1, 4]
        let mask = Tensor(scores, shape: [2, 4]).transposed(0, 1).keepMask(1, of: 2)
        #expect(mask.floats() == [1, 0, 0, 1, 1, 0, 0, 1])
    }
}
