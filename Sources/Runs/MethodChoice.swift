import Pruning
import Recipes

extension PruneSettings {
    /// The block pruner that the settings name.
    public func pruner() -> any BlockPruner {
        switch method {
        case .magnitude: return MagnitudePruner()
        case .wanda: return WandaPruner()
        case .sparsegpt: return SparseGPTPruner()
        case .wandaPlusPlus:
            let regional = regional
            if preset == .paper {
                return PublishedWandaPP(
                    alpha: regional?.alpha ?? 100, rounds: regional?.rounds ?? 5,
                    roundSamples: regional?.roundSamples ?? 32, learningRate: regional?.learningRate ?? 3e-7,
                    usesGradient: regional?.usesGradient ?? true, usesOptimizer: regional?.usesOptimizer ?? true)
            }
            var options = WandaPP.Options()
            if let rate = regional?.learningRate { options.learningRate = rate }
            return WandaPP(options)
        }
    }
}
