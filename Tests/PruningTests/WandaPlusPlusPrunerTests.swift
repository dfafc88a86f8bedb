import Decoders
import Recipes
import Testing
import Torch

@testable import Pruning

/// WANDA++ as published against the stored numbers of an independent implementation in PyTorch.
struct WandaPlusPlusPrunerTests {
    private func pruner(_ reference: Reference) throws -> WandaPlusPlusPruner {
        let options = try #require(reference.json["options"]?.objectValue)
        return WandaPlusPlusPruner(
            alpha: try #require(options["alpha"]?.doubleValue), rounds: try #require(options["rounds"]?.integerValue),
            roundSamples: try #require(options["round_samples"]?.integerValue),
            learningRate: try #require(options["learning_rate"]?.doubleValue))
    }

    @Test func sequencesOfARoundAreTheOraclesForSeedLayerAndRound() throws {
        let draws = try #require(try Reference().json["draws"]?.arrayValue)
        #expect(draws.count == 4)
        for case .object(let draw) in draws {
            let seed = try #require(draw["seed"]?.stringValue.flatMap { UInt64($0) })
            let (count, total) = (try #require(draw["count"]?.integerValue), try #require(draw["of"]?.integerValue))
            let (layer, round) = (try #require(draw["layer"]?.integerValue), try #require(draw["round"]?.integerValue))
            let found = WandaPlusPlusPruner.draw(count, of: total, seed: seed, layer: layer, round: round)
            #expect(found == draw["drawn"]?.arrayValue?.compactMap(\.integerValue))
        }
    }

    /// Both blocks, the second fed by the first as pruned: losses of every round, masks and weights.
    @Test(arguments: [Pattern.unstructured, .keep(2, of: 4)])
    func lossesMasksAndWeightsAreTheOracles(_ pattern: Pattern) throws {
        let reference = try Reference()
        let tiny = try Tiny()
        var input = try tiny.stream()
        for layer in 0..<2 {
            let task = try tiny.task(layer: layer, goals: goals(pattern), input: input)
            let outcome = try pruner(reference).prune(task)
            let key = "\(pattern.text).\(layer)"
            let losses = try reference.rounds(key)
            #expect(outcome.losses.count == losses.count)
            for (found, expected) in zip(outcome.losses, losses) { #expect(abs(found - expected) < 0.02 * expected) }
            var (agreeing, total) = (0, 0)
            for name in LinearName.ofLlama {
                let expected = try reference.floats("W.\(key).\(name.checkpointName)")
                let found = outcome.block.weight(name).floats()
                total += found.count
                agreeing += zip(found, expected).count { ($0 == 0) == ($1 == 0) }
                #expect(relativeError(found, expected) < 0.05, "\(name) of block \(layer)")
            }
            #expect(Double(agreeing) / Double(total) >= 0.995, "masks of block \(layer)")
            input = try tiny.forward(outcome.block, input, task.rotary)
        }
    }

    @Test(arguments: [Pattern.unstructured, .keep(2, of: 4)])
    func countsAreExactAndIgnoredLinearsUntouched(_ pattern: Pattern) throws {
        let task = try Tiny().task(goals: goals(pattern, without: [.k, .up]))
        let outcome = try WandaPlusPlusPruner(rounds: 2, roundSamples: 4, learningRate: 1e-3).prune(task)
        expectHalfRemoved(outcome, of: task)
        for name in task.goals.keys {
            let (dense, found) = (task.block.weight(name).floats(), outcome.block.weight(name).floats())
            #expect(zip(dense, found).contains { $1 != 0 && $0 != $1 }, "\(name) was not optimised")
        }
    }

    @Test func scoreAloneChangesNoWeightThatStays() throws {
        let task = try Tiny().task(goals: goals())
        let outcome = try WandaPlusPlusPruner(usesOptimizer: false).prune(task)
        let gradient = try RegionalGradient(task, teacher: nil)
        #expect(outcome.losses.isEmpty && outcome.unoptimised == nil)
        for name in ProjectionName.ofLlama {
            let weight = task.block[name].weight
            let scores = Scores.regional(
                weight, squares: gradient.statistics.squares(name), gradient: try #require(gradient.values[name]),
                alpha: 100)
            let mask = task.block[name].mask(scores: scores, goals: task.goals, group: .row)
            #expect(outcome.block[name].weight.floats() == (weight * mask).floats())
        }
    }

    @Test func withoutGradientAndOptimizerItIsWanda() throws {
        let task = try Tiny().task(goals: goals())
        let outcome = try WandaPlusPlusPruner(usesGradient: false, usesOptimizer: false).prune(task)
        #expect(outcome.block.values == (try WandaPruner().prune(task)).block.values)
    }

    @Test func optimizerWithoutGradientStartsFromWandasMask() throws {
        let task = try Tiny().task(goals: goals())
        let pruner = WandaPlusPlusPruner(rounds: 1, roundSamples: 12, learningRate: 1e-4, usesGradient: false)
        let outcome = try pruner.prune(task)
        let wanda = try WandaPruner().prune(task)
        let found = try #require(outcome.unoptimised).values
        for (name, expected) in wanda.block.values {
            #expect(relativeError(try #require(found[name]), expected) < 1e-6)
        }
        #expect(outcome.losses.count == 1)
    }

    @Test func theDenseBlockStaysAsItWas() throws {
        let tiny = try Tiny()
        let task = try tiny.task(goals: goals())
        _ = try WandaPlusPlusPruner(rounds: 2, roundSamples: 4, learningRate: 1e-2).prune(task)
        #expect(task.block.values == (try tiny.decoder.block(0)).values)
    }

    @Test(arguments: [DType.bfloat16, .float16]) func narrowProductsGiveNearlyTheSameLosses(_ type: DType) throws {
        let reference = try Reference()
        let outcome = try pruner(reference).prune(try Tiny().task(goals: goals(), compute: type))
        for (found, expected) in zip(outcome.losses, try reference.rounds("unstructured.0")) {
            #expect(abs(found - expected) < 0.15 * expected)
        }
    }
}
