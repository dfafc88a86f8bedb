import Decoders
import Foundation
import Testing
import Torch

@testable import Pruning

@Suite("The order of channels for a K:M pattern")
struct ChannelPermutationTests {
    /// Σ of the `keep` highest scores of every group, the slow way.
    private func kept(_ scores: [[Double]], _ order: [Int], _ keep: Int, _ group: Int) -> Double {
        var sum = 0.0
        for row in scores {
            for start in stride(from: 0, to: order.count, by: group) {
                let members: [Double] = order[start..<start + group].map { row[$0] }
                sum += members.sorted(by: >).prefix(keep).reduce(0, +)
            }
        }
        return sum
    }

    private func scores(_ rows: Int, _ columns: Int, seed: UInt64) -> ([[Double]], Tensor) {
        var draws = Draws(seed)
        // Some columns weigh much more than others, and stand together.
        var values: [[Float]] = []
        for _ in 0..<rows {
            let drawn = draws.numbers(columns)
            values.append(drawn.indices.map { drawn[$0] * drawn[$0] * ($0 < columns / 2 ? 10 : 1) })
        }
        return (values.map { $0.map(Double.init) }, Tensor(values.flatMap { $0 }, shape: [rows, columns]))
    }

    @Test("what an exchange gains is what the sums rise by", arguments: [(2, 4), (1, 4), (4, 8), (3, 4)])
    func gains(keep: Int, group: Int) {
        let (values, tensor) = scores(7, group * 5, seed: 3)
        var draws = Draws(9)
        let columns = Array(0..<group * 5).map { ($0, draws.numbers(1)[0]) }.sorted { $0.1 < $1.1 }.map(\.0)
        let groups = stride(from: 0, to: columns.count, by: group).map { Array(columns[$0..<$0 + group]) }
        for member in 0..<group {
            let gains = tensor.exchangeGains(groups, keep: keep, member: member)
            for i in 0..<groups.count {
                for j in 0..<groups.count {
                    var joined = groups[j]
                    joined[member] = groups[i][member]
                    // Without its own member a group keeps the highest of the others.
                    var without = 0.0
                    for row in values {
                        let rest: [Double] = groups[j].indices.filter { $0 != member }.map { row[groups[j][$0]] }
                        without += rest.sorted(by: >).prefix(keep).reduce(0, +)
                    }
                    let with = kept(values, joined, keep, group)
                    #expect(abs(Double(gains[i * groups.count + j]) - (with - without)) < 1e-4 * with)
                }
            }
        }
    }

    @Test("an assignment is the best of all permutations", arguments: 1...6)
    func assigned(_ n: Int) {
        for seed in 0..<8 {
            var draws = Draws(UInt64(seed))
            let gains = draws.numbers(n * n)
            func sum(_ members: [Int]) -> Double {
                members.enumerated().reduce(0.0) { $0 + Double(gains[$1.element * n + $1.offset]) }
            }
            var best = -Double.infinity
            func tryAll(_ chosen: [Int]) {
                if chosen.count == n { best = max(best, sum(chosen)) }
                for member in 0..<n where !chosen.contains(member) { tryAll(chosen + [member]) }
            }
            tryAll([])
            let found = assignment(highest: gains, n)
            #expect(Set(found).count == n)
            #expect(abs(sum(found) - best) < 1e-6)
        }
    }

    @Test("the order that is found keeps what it says, and nearly the most that can be kept")
    func order() {
        // Twelve columns in three groups: all 5,775 divisions can be tried.
        let (values, tensor) = scores(5, 12, seed: 1)
        let found = ChannelPermutation.order(tensor, keep: 2, of: 4, seed: 0)
        #expect(found.order.sorted() == Array(0..<12))
        #expect(abs(found.before - kept(values, Array(0..<12), 2, 4)) < 1e-4 * found.before)
        #expect(abs(found.after - kept(values, found.order, 2, 4)) < 1e-4 * found.after)
        var best = 0.0
        func divide(_ left: [Int], _ order: [Int]) {
            guard let first = left.first else {
                best = max(best, kept(values, order, 2, 4))
                return
            }
            let rest = Array(left.dropFirst())
            for a in 0..<rest.count {
                for b in a + 1..<rest.count {
                    for c in b + 1..<rest.count {
                        let chosen = [first, rest[a], rest[b], rest[c]]
                        divide(rest.filter { !chosen.contains($0) }, order + chosen)
                    }
                }
            }
        }
        divide(Array(0..<12), [])
        #expect(found.after > found.before)
        #expect(found.after >= 0.98 * best && found.after <= best * (1 + 1e-6))
    }

    @Test("more groups than are exchanged together, and the same order when it is asked for again")
    func many() {
        let (_, tensor) = scores(16, 4 * 150, seed: 2)
        let found = ChannelPermutation.order(tensor, keep: 2, of: 4, seed: 7)
        #expect(found.order.sorted() == Array(0..<600))
        #expect(found.after > 1.05 * found.before)
        #expect(ChannelPermutation.order(tensor, keep: 2, of: 4, seed: 7).order == found.order)
    }

    @Test("an order that keeps no more is not taken")
    func equal() {
        let tensor = Tensor([Float](repeating: 1, count: 3 * 16), shape: [3, 16])
        #expect(ChannelPermutation.order(tensor, keep: 2, of: 4, seed: 0).order == Array(0..<16))
        let endless = Tensor((0..<16).map { $0 == 3 ? Float.infinity : Float($0) }, shape: [1, 16])
        #expect(ChannelPermutation.order(endless, keep: 2, of: 4, seed: 0).order == Array(0..<16))
        #expect(ChannelPermutation.order(tensor.narrowed(1, 0, 4), keep: 2, of: 4, seed: 0).order == [0, 1, 2, 3])
    }
}
