import Foundation
import Testing

@testable import Structure

@Suite("Sparsities of the same marginal cost")
struct BalancedSparsitiesTests {
    private let weights = [300, 100, 100, 500]

    private func mean(_ fractions: [Double]) -> Double {
        zip(fractions, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / Double(weights.reduce(0, +))
    }

    @Test("the mean is the target, and one weight more costs the same wherever no end is reached")
    func marginal() {
        let costs = [0.3, 0.25, 0.05, 0.4]
        let problem = BalancedSparsities(costs: costs, weights: weights, target: 0.6, growth: 8)
        let found = problem.solve(spread: 0.3)
        #expect(abs(mean(found) - 0.6) < 1e-9)
        let marginal = found.indices.map { costs[$0] / Double(weights[$0]) * exp(8 * (found[$0] - 0.6)) }
        #expect(marginal.allSatisfy { abs($0 / marginal[0] - 1) < 1e-9 })
        // Per weight the second costs most and the third least.
        #expect(found[1] == found.min() && found[2] == found.max())
    }

    @Test("no exchange of weights between two linears makes the sum of costs smaller")
    func optimal() {
        let costs = [0.03, 2.5, 0.0005, 0.4]
        let problem = BalancedSparsities(costs: costs, weights: weights, target: 0.6, growth: 8)
        let found = problem.solve(spread: 0.2)
        func sum(_ fractions: [Double]) -> Double {
            fractions.indices.reduce(0) { $0 + costs[$1] * exp(8 * (fractions[$1] - 0.6)) }
        }
        for from in found.indices {
            for to in found.indices where to != from {
                var other = found
                other[from] += 1e-4 / Double(weights[from])
                other[to] -= 1e-4 / Double(weights[to])
                guard other.allSatisfy({ abs($0 - 0.6) <= 0.2 }) else { continue }
                #expect(sum(other) >= sum(found))
            }
        }
        #expect(abs(found[1] - 0.4) < 1e-12 && abs(found[2] - 0.8) < 1e-12 && abs(mean(found) - 0.6) < 1e-9)
    }

    @Test("a linear that costs nothing, or all alike, is no trouble")
    func extremes() {
        let none = BalancedSparsities(costs: [0, 1, 1, 1], weights: weights, target: 0.5, growth: 8).solve(spread: 0.2)
        #expect(abs(none[0] - 0.7) < 1e-12 && abs(mean(none) - 0.5) < 1e-9)
        let alike = weights.map { Double($0) }
        let same = BalancedSparsities(costs: alike, weights: weights, target: 0.5, growth: 8).solve(spread: 0.2)
        #expect(same.allSatisfy { abs($0 - 0.5) < 1e-9 })
        let high = BalancedSparsities(costs: alike, weights: weights, target: 0.97, growth: 8).solve(spread: 0.2)
        #expect(high.allSatisfy { abs($0 - 0.97) < 1e-9 })
    }

    @Test("among the Ks of a pattern it is the best of all choices")
    func choices() throws {
        let costs = [0.3, 0.9, 0.01, 0.4]
        let list = [0, 0.25, 0.5, 0.75]
        let problem = BalancedSparsities(costs: costs, weights: weights, target: 0.5, growth: 8)
        let found = try #require(problem.solve(among: list))
        func cost(_ fractions: [Double]) -> Double {
            fractions.indices.reduce(0) { $0 + (fractions[$1] == 0 ? 0 : costs[$1] * exp(8 * (fractions[$1] - 0.5))) }
        }
        var best = Double.infinity
        for code in 0..<256 {
            let fractions = (0..<4).map { list[code >> (2 * $0) & 3] }
            if mean(fractions) >= 0.5 - 1e-12 { best = min(best, cost(fractions)) }
        }
        #expect(mean(found) >= 0.5 - 1e-12 && abs(cost(found) - best) < 1e-12)
    }
}
