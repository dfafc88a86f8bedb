import Faults
import Recipes

/// Masks and weights of a block by `AlternatingDirections`, then a re-fit of what is left under the fixed mask:
/// WANDA++'s idea of regional optimisation with the start and the optimizer that measurement favoured
/// (Documentation/Experiments/WandaPlusPlus.md).
public struct RefitPruner: BlockPruner {
    public var refit: BlockRefit
    /// Whether the run orders the model's channels for it.
    public var permutes: Bool

    public init(_ refit: BlockRefit = BlockRefit(), permutes: Bool = false) {
        (self.refit, self.permutes) = (refit, permutes)
    }

    public var needsDenseStream: Bool { refit.needsDenseStream }
    public var group: ComparisonGroup { start.group }
    public var candidate: any BlockPruner { SparseGPTPruner() }
    private var start: AlternatingDirectionsPruner { AlternatingDirectionsPruner() }

    public func work(samples: Int) -> BlockWork {
        let ordered = permutes ? Double(ChannelPermutation.judged(of: samples).count) : 0
        return start.work(samples: samples) + refit.work(samples: samples) + BlockWork(statistics: ordered)
    }

    public func steps(_ size: BlockSize) -> [WorkStep] {
        permutes ? [WorkStep("channel order", operations: ChannelPermutation.operations(size), bytes: 0)] : []
    }
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
