import Checkpoints
import Decoders
import Evaluation
import Recipes
import RunSupport
import Testing
import Torch

@testable import Runs

/// Every method in every number type that the command line accepts: products in 16 bits cost a little, never the
/// method.
@Suite("Number types of the products")
struct NumberTypeTests {
    enum Arm: CaseIterable {
        case magnitude, wanda, sparsegpt, wandaPlusPlus, paper, search, tyr

        func apply(to recipe: inout PruneRecipe) {
            recipe.sparsity = try? Sparsity(0.5)
            switch self {
            case .magnitude: recipe.method = "magnitude"
            case .wanda: recipe.method = "wanda"
            case .sparsegpt: recipe.method = "sparsegpt"
            case .wandaPlusPlus: recipe.method = "wanda++"
            case .paper:
                recipe.method = "wanda++"
                recipe.preset = .paper
                (recipe.rounds, recipe.roundSamples, recipe.learningRate) = (3, 16, 3e-3)
            case .search:
                recipe.method = "wanda++"
                recipe.allocation = .search
            case .tyr:
                recipe.method = "tyr"
                recipe.effort = .quick
            }
        }
    }

    /// KL(dense ‖ pruned) of the published model, and the losses of its optimizer.
    private func prune(_ bench: Bench, _ arm: Arm, _ type: DType) throws -> (kl: Double, result: RunResult) {
        bench.remove("out")
        let settings = try bench.settings("out") { arm.apply(to: &$0) }
        let result = try PruneRun(try bench.context(settings, compute: type)) { _ in }.start()
        let pruned = try Decoder(try Checkpoint.open(bench.path("out")))
        let dense = try Decoder(try Checkpoint.open(bench.model.path))
        let windows = try TokenWindows(ids: Bench.rows(24, 12, seed: 9).flatMap { $0 }, length: 12)
        let found = try StreamedEvaluation(pruned, against: dense, dtype: .float32).measure(windows)
        return (try #require(found.divergence).kl, result)
    }

    @Test("narrow number types cost every method little", arguments: Arm.allCases)
    func everyMethod(_ arm: Arm) throws {
        let bench = try Bench()
        let wide = try prune(bench, arm, .float32)
        for (type, bound) in [(DType.bfloat16, 0.25), (.float16, 0.1)] {
            let narrow = try prune(bench, arm, type)
            #expect(abs(narrow.kl - wide.kl) < bound * wide.kl, "\(type): \(narrow.kl), float32 \(wide.kl)")
            // A search finds other sparsities with other costs: what is left of the blocks has other losses.
            for (a, b) in zip(narrow.result.blocks, wide.result.blocks) where arm != .search {
                #expect(a.losses.count == b.losses.count)
                for (x, y) in zip(a.losses, b.losses) { #expect(abs(x - y) < bound * y, "block \(a.index): \(type)") }
            }
        }
    }
}
