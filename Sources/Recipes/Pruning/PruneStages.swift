import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The prunings of a run that recovers after each of them: high sparsities are reached in steps, because what is lost
/// at once is harder to win back.
///
/// Every stage removes the same share of what is left, at most 30 %: (1 − s)^(i / n) is left after stage i of n.
public struct PruneStages: Equatable, Sendable {
    public struct Stage: Equatable, Sendable {
        /// Removed in all when the stage is done.
        public var fraction: Double
        public var pattern: PatternChoice
    }

    public let stages: [Stage]

    /// The largest share of what is left that one stage removes.
    public static let largestShare = 0.3

    /// - Parameters:
    ///   - target: removed in all at the end, below 1.
    ///   - pattern: of the end.
    ///   - count: of the stages; nil for as few as remove at most `largestShare` each. A K:M pattern has at most as many as
    ///     its groups lose weights.
    public init(target: Double, pattern: PatternChoice, count: Int? = nil) {
        let needed = log(1 - target) / log(1 - PruneStages.largestShare)
        // 30 % is one stage, though the quotient of the logarithms may be a little more than 1.
        let count = count ?? max(1, min(PruneStages.most, Int((needed - 1e-9).rounded(.up))))
        let left = (1...count).map { pow(1 - target, Double($0) / Double(count)) }
        guard case .zeros(.keep(let kept, let group)) = pattern else {
            stages = left.enumerated().map { index, share in
                Stage(fraction: index == count - 1 ? target : 1 - share, pattern: pattern)
            }
            return
        }
        // A group keeps whole weights, and fewer in every stage.
        var keeps: [Int] = []
        for share in left.dropLast() {
            let keep = Int((Double(group) * share - 1e-9).rounded(.up))
            if keep > kept, keep < keeps.last ?? group { keeps.append(keep) }
        }
        stages =
            keeps.map { keep in
                Stage(fraction: Double(group - keep) / Double(group), pattern: .zeros(.keep(keep, of: group)))
            } + [Stage(fraction: target, pattern: pattern)]
    }

    static let most = 16
}

extension PruneSettings {
    /// The prunings of the run, with `recoverySteps` of training after each.
    public var stages: PruneStages {
        PruneStages(target: sparsity.fraction, pattern: pattern, count: stageCount)
    }

    /// What a stage of the run prunes.
    ///
    /// - Parameters:
    ///   - stage: 0-based.
    ///   - model: what the stage before left.
    ///   - left: of what the budget counts, the share that the stages before left; 1 for the first.
    public func pruneRecipe(stage: Int, model: String, output: String, left: Double) -> PruneRecipe {
        let goal = stages.stages[stage]
        var recipe = self.recipe()
        (recipe.recoverySteps, recipe.stageCount) = (nil, nil)
        // A stage is not trained by its own pruning.
        if recipe.effort == .best { recipe.effort = .default }
        recipe.model = model
        recipe.output = output
        recipe.overwrite = true
        recipe.pattern = goal.pattern
        // Zeros are counted among all weights; units among those that there still are.
        let share = structure == nil ? goal.fraction : max(0, 1 - (1 - goal.fraction) / left)
        recipe.sparsity = try? Sparsity(share)
        if stage < stages.stages.count - 1 { recipe.keepsSupernet = structure.map { _ in false } }
        return recipe
    }

    /// How a stage is trained.
    ///
    /// - Parameter output: nil is enough for a plan.
    public func recoverSettings(model: String, output: String?, overwrite: Bool) throws(Fault) -> RecoverSettings {
        var recipe = recoverRecipe(model: model, output: output ?? "", overwrite: overwrite)
        recipe.output = output
        let isGentle = structure?.effort == .best
        if isGentle { recipe.patience = PruneSettings.gentlePatience }
        var settings = try recipe.resolved()
        if isGentle { settings.rateScale = PruneSettings.gentleRateScale }
        return settings
    }

    /// Of the training of `--effort best`, on text of which the blocks have seen the most: a quarter of Týr's units gone,
    /// the usual rate made sequences that were held out worse (Documentation/Experiments/Tyr.md).
    private static let gentleRateScale = 0.4
    /// As many checks as there are: the loss falls last, with the rate.
    private static let gentlePatience = 10

    /// With the dense model as the teacher, on the run's own text.
    func recoverRecipe(model: String, output: String, overwrite: Bool) -> RecoverRecipe {
        let steps = recoverySteps ?? 1
        var recipe = RecoverRecipe()
        recipe.model = model
        recipe.teacher = self.model
        recipe.output = output
        recipe.overwrite = overwrite
        recipe.shardSize = shardSize
        recipe.outputDType = outputDType
        recipe.steps = steps
        recipe.calibration = calibration
        // As many as the steps use once, and those that are held out.
        recipe.samples = min(RecoverSettings.defaultSamples, 2 * steps + max(1, min(32, steps / 7)))
        recipe.sequenceLength = sequenceLength
        recipe.skippedLines = skippedLines
        recipe.textField = textField
        recipe.evaluation = evaluation.isEmpty ? nil : evaluation
        recipe.temperature = temperature
        recipe.seed = seed
        recipe.device = device
        recipe.dtype = dtype
        recipe.threads = threads
        recipe.offload = offload
        recipe.memory = memory
        return recipe
    }
}
