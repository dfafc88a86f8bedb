import Faults
import Recipes

/// Masks and weights of a block by `AlternatingDirections`, then a re-fit of what is left under the fixed mask:
/// WANDA++'s idea of regional optimisation with the start and the optimizer that measurement favoured
/// (Documentation/Experiments/WandaPlusPlus.md).
public struct RefitPruner: BlockPruner {
    public var refit: BlockRefit

    public init(_ refit: BlockRefit = BlockRefit()) { self.refit = refit }

    public var needsDenseStream: Bool { refit.needsDenseStream }
    public var group: ComparisonGroup { start.group }
    public var candidate: any BlockPruner { SparseGPTPruner() }
    private var start: AlternatingDirectionsPruner { AlternatingDirectionsPruner() }

    public func work(samples: Int) -> BlockWork { start.work(samples: samples) + refit.work(samples: samples) }
    public func optimiserBytes(_ size: BlockSize) -> Int { refit.optimiserBytes(size) }

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        try refit.refit(task, start: try start.prune(task))
    }
}

extension BlockRefit {
    /// As the settings of a run have it.
    public init(_ settings: PruneSettings) {
        var options = Options()
        if let regional = settings.filledRegional {
            options.passes = regional.usesOptimizer ? regional.rounds : 0
            options.learningRate = regional.learningRate ?? options.learningRate
        }
        self.init(options)
    }
}

extension BlockRefit.Options {
    /// What a method that re-fits blocks takes of a recipe, with these values as the defaults.
    public var regional: PruneSettings.RegionalSettings {
        PruneSettings.RegionalSettings(rounds: passes, learningRate: learningRate)
    }
}
