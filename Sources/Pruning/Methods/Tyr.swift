import Recipes

extension PruningMethod {
    /// Attention heads and neurons go, each layer as much as a search found that it can bear (Li et al. 2025); what is
    /// left of a block is re-fit.
    public static let tyr = PruningMethod(
        Method("tyr", presets: [.default], regional: [.default: refit.regional])
    ) { settings in BlockRefit(settings) }

    /// Where every weight of a smaller block moves, and none is at zero, the step that suits sparse blocks is too long
    /// (Documentation/Experiments/Tyr.md). More than three passes were not tried.
    private static var refit: BlockRefit.Options {
        var options = BlockRefit.Options()
        options.learningRate = 1e-2
        options.passes = 3
        return options
    }
}
