import Pruning
import Recipes

extension PruneSettings {
    /// The block pruner that the settings name.
    public func pruner() -> any BlockPruner {
        switch method {
        case .magnitude: return MagnitudePruner()
        case .wanda: return WandaPruner()
        case .sparsegpt: return SparseGPTPruner()
        case .wandaPlusPlus, .tyr:
            guard let regional else { return WandaPP() }
            if preset == .paper {
                return PublishedWandaPP(
                    alpha: regional.alpha ?? 100, rounds: regional.rounds, roundSamples: regional.roundSamples ?? 32,
                    learningRate: regional.learningRate ?? 3e-7, usesGradient: regional.usesGradient ?? true,
                    usesOptimizer: regional.usesOptimizer)
            }
            var options = WandaPP.Options()
            options.passes = regional.usesOptimizer ? regional.rounds : 0
            // Where every weight of a smaller block moves, and none is at zero, the step that suits sparse blocks is too long
            // (Documentation/Tyr.md).
            if method == .tyr { options.learningRate = 1e-2 }
            if let rate = regional.learningRate { options.learningRate = rate }
            return WandaPP(options)
        }
    }
}
