import Decoders
import Recipes
import Testing
import Torch

@testable import Pruning

/// The methods that only mask: what they keep they leave as it was.
struct OneShotTests {
    @Test(arguments: [Pattern.unstructured, .keep(2, of: 4), .keep(5, of: 8)])
    func magnitudeAndWandaOnlyMask(_ pattern: Pattern) throws {
        let task = try Tiny().task(goals: goals(pattern, without: [.v, .down]))
        for pruner in [MagnitudePruner(), WandaPruner()] as [any BlockPruner] {
            let outcome = try pruner.prune(task)
            #expect(Set(outcome.masks.keys) == [.qkv, .o, .gateUp])
            for name in LinearName.ofLlama {
                let (dense, found) = (task.block.weight(name).floats(), outcome.block.weight(name).floats())
                let zeros = found.count { $0 == 0 }
                #expect(zip(dense, found).allSatisfy { $1 == 0 || $0 == $1 })
                let share = pattern == .keep(5, of: 8) ? 0.375 : 0.5
                #expect(zeros == (task.goals[name] == nil ? 0 : Int(share * Double(dense.count))))
            }
        }
    }

    @Test func wandaKeepsTheLargestProductsOfEveryRow() throws {
        let task = try Tiny().task(goals: goals())
        let outcome = try WandaPruner().prune(task)
        let squares = try task.statistics(of: task.block)
        for name in LinearName.ofLlama {
            let norms = squares.squares(name.projection).squareRoot().floats()
            let (dense, found) = (task.block.weight(name).floats(), outcome.block.weight(name).floats())
            for start in stride(from: 0, to: dense.count, by: norms.count) {
                let scores = norms.indices.map { abs(dense[start + $0]) * norms[$0] }
                let kept = norms.indices.filter { found[start + $0] != 0 }
                let lowestKept = kept.map { scores[$0] }.min() ?? 0
                let highestCut = norms.indices.filter { !kept.contains($0) }.map { scores[$0] }.max() ?? 0
                #expect(kept.count == norms.count / 2)
                #expect(highestCut <= lowestKept)
            }
        }
    }

    @Test func magnitudeNeedsNoSamples() throws {
        let tiny = try Tiny()
        let input = try HiddenStream(samples: 0, tokens: 1, hidden: 16)
        let outcome = try MagnitudePruner().prune(try tiny.task(goals: goals(), input: input))
        #expect(outcome.block.weight(.q).floats().count { $0 == 0 } == 128)
    }
}
