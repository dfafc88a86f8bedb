import Decoders
import Recipes
import Testing
import Torch

@testable import Pruning

@Suite("Candidates of single weights")
struct LevelPrunerTests {
    @Test(
        "a level is what the method itself makes of it",
        arguments: [LevelPruner.Rule.magnitude, .wanda, .sparsegpt], [0.3, 0.7])
    func levels(rule: LevelPruner.Rule, sparsity: Double) throws {
        let pruners: [LevelPruner.Rule: any BlockPruner] = [
            .magnitude: MagnitudePruner(), .wanda: WandaPruner(), .sparsegpt: SparseGPTPruner(),
        ]
        let goal = Goal(pattern: .unstructured, sparsity: try Sparsity(sparsity))
        var goals: Goals = [:]
        for linear in LinearName.allCases { goals[linear] = goal }
        let task = try Tiny().task(goals: goals)
        let whole = try #require(pruners[rule]).prune(task).block
        let levels = try LevelPruner(task, rule: rule)
        for name in ProjectionName.allCases {
            // Another level before does not change it.
            _ = try levels.weight(name, goals: [:])
            #expect(try levels.weight(name, goals: task.goals).floats() == whole[name].weight.floats())
            #expect(try levels.weight(name, goals: [:]).floats() == task.block[name].weight.floats())
        }
    }
}
