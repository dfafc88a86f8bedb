import Recipes

extension PruningMethod {
    /// Regional gradients in the score and regional optimisation of every block (Yang et al. 2025): as published with
    /// the preset paper, else as measurement favoured it.
    public static let wandaPlusPlus = PruningMethod(
        Method(
            "wanda++", regional: [.default: BlockRefit.Options().regional, .paper: published],
            moves: [.default: .blocks])
    ) { settings in
        guard settings.preset == .paper else {
            return RefitPruner(BlockRefit(settings), permutes: settings.channelMoves.map { $0 != .none } ?? false)
        }
        let regional = settings.filledRegional ?? published
        let defaults = WandaPlusPlusPruner()
        return WandaPlusPlusPruner(
            alpha: regional.alpha ?? defaults.alpha, rounds: regional.rounds,
            roundSamples: regional.roundSamples ?? defaults.roundSamples,
            learningRate: regional.learningRate ?? defaults.learningRate,
            usesGradient: regional.usesGradient ?? defaults.usesGradient, usesOptimizer: regional.usesOptimizer)
    }

    private static var published: PruneSettings.RegionalSettings {
        let published = WandaPlusPlusPruner()
        return PruneSettings.RegionalSettings(
            alpha: published.alpha, rounds: published.rounds, roundSamples: published.roundSamples,
            learningRate: published.learningRate, usesGradient: published.usesGradient,
            usesOptimizer: published.usesOptimizer)
    }
}
