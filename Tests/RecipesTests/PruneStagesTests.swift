import Testing

@testable import Recipes

/// How a high sparsity is reached in steps.
struct PruneStagesTests {
    private func fractions(_ target: Double, _ pattern: PatternChoice = .units) -> [Double] {
        PruneStages(target: target, pattern: pattern).stages.map(\.fraction)
    }

    @Test func upToThirtyPercentGoAtOnce() {
        #expect(fractions(0) == [0])
        #expect(fractions(0.1) == [0.1])
        #expect(fractions(0.3) == [0.3])
        #expect(fractions(0.3, .unstructured) == [0.3])
    }

    @Test(arguments: [(0.31, 2), (0.5, 2), (0.51, 2), (0.6, 3), (0.7, 4), (0.9, 7), (0.999, 16)])
    func everyStageRemovesTheSameShareOfWhatIsLeft(_ target: Double, _ count: Int) {
        let stages = fractions(target)
        #expect(stages.count == count)
        #expect(stages.last == target)
        let left = [1] + stages.map { 1 - $0 }
        let shares = zip(left, left.dropFirst()).map { 1 - $1 / $0 }
        for share in shares { #expect(abs(share - shares[0]) < 1e-12) }
        // Beyond so many stages each has to remove more.
        #expect(count == 16 || shares[0] <= PruneStages.largestShare + 1e-9)
    }

    @Test func groupsLoseWholeWeights() {
        func patterns(_ kept: Int, _ group: Int) -> [String] {
            PruneStages(target: Double(group - kept) / Double(group), pattern: .keep(kept, of: group)).stages
                .map(\.pattern.text)
        }
        #expect(patterns(2, 4) == ["3:4", "2:4"])
        #expect(patterns(4, 8) == ["6:8", "4:8"])
        #expect(patterns(1, 4) == ["3:4", "2:4", "1:4"])
        #expect(patterns(3, 4) == ["3:4"])
        #expect(patterns(1, 2) == ["1:2"])
        #expect(PruneStages(target: 0.5, pattern: .keep(2, of: 4)).stages.map(\.fraction) == [0.25, 0.5])
    }

    @Test func asManyStagesAsAreAskedFor() throws {
        #expect(PruneStages(target: 0.5, pattern: .units, count: 1).stages.map(\.fraction) == [0.5])
        #expect(PruneStages(target: 0.75, pattern: .unstructured, count: 2).stages.map(\.fraction) == [0.5, 0.75])
        #expect(PruneStages(target: 0.5, pattern: .keep(2, of: 4), count: 1).stages.map(\.pattern.text) == ["2:4"])
        // Once, some linears may stay dense.
        let mixed = try settings {
            $0.pattern = .keep(2, of: 4)
            $0.sparsity = try? Sparsity(0.4)
            $0.stageCount = 1
        }
        #expect(mixed.stages.stages == [.init(fraction: 0.4, pattern: .keep(2, of: 4))])
        let stage = mixed.pruneRecipe(stage: 0, model: "a", output: "b", left: 1)
        #expect(stage.stageCount == nil && stage.sparsity?.fraction == 0.4)
        #expect(try mixed.recipe().resolved() == mixed)
        for count in [0, 3, 17] {
            #expect(throws: (any Error).self) {
                try settings {
                    $0.pattern = .keep(2, of: 4)
                    $0.stageCount = count
                }
            }
        }
        #expect(throws: (any Error).self) {
            try settings { ($0.recoverySteps, $0.stageCount) = (nil, 1) }
        }
    }

    @Test func theBestEffortTrainsOnceAtTheEnd() throws {
        let best = try settings {
            $0.method = "tyr"
            ($0.recoverySteps, $0.effort, $0.samples) = (nil, .best, 64)
        }
        #expect((best.recoverySteps, best.stageCount) == (56, 1))
        #expect(try best.recipe().resolved() == best)
        let stage = try best.pruneRecipe(stage: 0, model: "a", output: "b", left: 1).resolved()
        #expect(stage.recoverySteps == nil && stage.structure?.effort == .default)
        let asked = try settings {
            $0.method = "tyr"
            ($0.recoverySteps, $0.effort) = (7, .best)
        }
        #expect((asked.recoverySteps, asked.stageCount) == (7, nil))
        let training = try best.recoverSettings(model: "p", output: "r", overwrite: false)
        #expect(training.rateScale < 1 && training.patience == 10 && training.learningRate == nil)
        let usual = try settings { _ in }.recoverSettings(model: "p", output: "r", overwrite: false)
        #expect(usual.rateScale == 1 && usual.patience == RecoverSettings.defaultPatience)
    }

    private func settings(_ change: (inout PruneRecipe) -> Void) throws -> PruneSettings {
        var recipe = PruneRecipe()
        recipe.model = "m"
        recipe.output = "o"
        recipe.calibration = ["t.txt"]
        recipe.recoverySteps = 70
        change(&recipe)
        return try recipe.resolved()
    }

    @Test func unitsAreCountedAmongThoseThatAreLeft() throws {
        let settings = try settings {
            $0.method = "tyr"
            $0.sparsity = .half
        }
        // 28 % went instead of the 29.3 % of the first stage.
        let second = settings.pruneRecipe(stage: 1, model: "a", output: "b", left: 0.72)
        #expect(abs((second.sparsity?.fraction ?? 0) - (1 - 0.5 / 0.72)) < 1e-15)
        #expect((second.model, second.output, second.recoverySteps) == ("a", "b", nil))
        // More went than was asked for.
        #expect(settings.pruneRecipe(stage: 1, model: "a", output: "b", left: 0.4).sparsity?.fraction == 0)
        #expect(try second.resolved().structure == settings.structure)
    }

    @Test func zerosAreCountedAmongAllWeights() throws {
        let settings = try settings { $0.sparsity = .half }
        #expect(settings.pruneRecipe(stage: 1, model: "a", output: "b", left: 1).sparsity == .half)
        #expect(settings.pruneRecipe(stage: 0, model: "a", output: "b", left: 1).sparsity?.fraction ?? 0 < 0.3)
    }

    @Test func trainingTakesTheRunsTextAndItsModelAsTheTeacher() throws {
        let recipe = try settings { $0.seed = 3 }.recoverRecipe(model: "p", output: "r", overwrite: false)
        let own = try recipe.resolved()
        #expect((own.model, own.teacher, own.calibration, own.seed) == ("p", "m", ["t.txt"], 3))
        #expect(own.length == .steps(70))
        // 140 sequences are trained on once; 10 are held out, one in sixteen.
        #expect(own.samples == 150)
        #expect(own.loss == .kl)
    }

    @Test func whatCannotBeTrainedIsRefused() {
        #expect(throws: (any Error).self) {
            try settings {
                $0.calibration = nil
                $0.method = "magnitude"
            }
        }
        #expect(throws: (any Error).self) { try settings { $0.recoverySteps = 0 } }
        #expect(throws: (any Error).self) {
            try settings {
                $0.method = "tyr"
                $0.keepsSupernet = true
            }
        }
    }
}
