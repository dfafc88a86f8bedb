import Faults
import Settings

/// A prune run's settings: every default filled in, every range checked.
public struct PruneSettings: Sendable, Equatable {
    /// A checkpoint folder or a .gguf file.
    public var model: String
    /// The folder to publish; nil is enough for a plan.
    public var output: String?
    public var overwrite: Bool
    public var shardSize: ByteSize
    public var outputDType: NumberFormat
    public var method: Method
    public var preset: Preset
    /// For a K:M pattern (M − K) / M, or less, where some linears are to stay dense.
    public var sparsity: Sparsity
    public var pattern: PatternChoice
    public var allocation: Allocation
    /// Channels that first change places, so that a K:M pattern costs less; nil for a method or pattern without.
    public var channelMoves: ChannelMoves?
    /// Steps of training after each of the run's `stages`; nil prunes once and trains nothing.
    public var recoverySteps: Int?
    /// How many `stages` were asked for.
    public var stageCount: Int?
    /// Calibration files, each with an optional `@weight`, or `self`. Empty only for a method that needs none.
    public var calibration: [String]
    public var samples: Int
    /// Tokens per sample; nil where the user named none, so that a token file's own length or `defaultSequenceLength`
    /// holds.
    public var sequenceLength: Int?
    public var seed: UInt64
    /// Temperature of the text that the model writes for the source `self`; nil where `self` is no source.
    public var temperature: Double?
    /// Wrong records of each .jsonl file that are left out.
    public var skippedLines: Int
    /// The only key of .jsonl files that is read; nil reads the usual forms.
    public var textField: String?
    /// Files that the pruned model is to be evaluated on, which the calibration text should not hold.
    public var evaluation: [String]
    /// Nil for a method that does not optimise within a block.
    public var regional: RegionalSettings?
    /// Nil for a method that does not remove whole units.
    public var structure: StructuralSettings?
    public var device: DeviceChoice
    public var dtype: NumberFormat
    public var streamDType: NumberFormat
    /// Nil means the machine's physical cores.
    public var threads: Int?
    /// Folder for the hidden stream; nil keeps it in memory.
    public var offload: String?
    /// What the process may hold where there is a choice: blocks that stay, states that wait; nil is half of what is
    /// free.
    public var memory: ByteSize?
    /// Tokens that go through a block together; nil is 2048 on a processor, and on a GPU as many as keep it busy.
    public var batchTokens: Int?
    /// Regular expressions for the linears to prune; empty means all of the blocks.
    public var targets: [String]
    public var ignore: [String]
    /// Layers from which nothing is removed; nil is none.
    public var skippedLayers: LayerList?

    public static let defaultSequenceLength = 2048

    /// What a method does within a block to make up for what it removes.
    public struct RegionalSettings: Sendable, Equatable {
        /// Weight of the regional gradient against ‖X‖₂; nil for a score without one.
        public var alpha: Double?
        /// Rounds of pruning and optimising, or passes over the optimised sequences.
        public var rounds: Int
        /// Sequences drawn for each round, at most the samples; nil where none are drawn.
        public var roundSamples: Int?
        /// Nil means the method's own.
        public var learningRate: Double?
        /// Whether the score has the regional gradient; nil for a score that never has.
        public var usesGradient: Bool?
        /// Whether the regional optimizer runs.
        public var usesOptimizer: Bool

        public init(
            alpha: Double? = nil, rounds: Int, roundSamples: Int? = nil, learningRate: Double?,
            usesGradient: Bool? = nil, usesOptimizer: Bool = true
        ) {
            self.alpha = alpha
            self.rounds = rounds
            self.roundSamples = roundSamples
            self.learningRate = learningRate
            self.usesGradient = usesGradient
            self.usesOptimizer = usesOptimizer
        }
    }

    /// How whole units are removed.
    public struct StructuralSettings: Sendable, Equatable {
        /// What the sparsity is a share of.
        public var budget: Budget
        /// Whether attention and MLP each lose that share, as in the paper, and not only their sum.
        public var separatesBudgets: Bool
        /// Whether the paper's gradient term has a say in which units go.
        public var usesGradientTerm: Bool
        public var effort: Effort
        /// Candidates of a sub-layer around its sparsity; nil is all from 0 to 1.
        public var levels: Int?
        /// Between the sparsities of candidates, above 0 and below 1.
        public var interval: Double
        /// Supernets, each with half the interval around the distribution that was found before.
        public var iterations: Int
        /// Nil is the effort's own.
        public var generations: Int?
        public var offspring: Int?
        public var selection: SelectionStages?
        /// Neurons are kept in multiples of it; nil is what kernels are built for.
        public var granularity: Int?
        /// Whether all layers get the same shape, so that the result is a plain model of its family.
        public var isUniform: Bool
        /// Software that it is to open in, some of it after an export.
        public var engines: ServingEngines?
        /// Whether the candidates of all sub-layers stay in the output's folder.
        public var keepsSupernet: Bool
    }

    /// What happens within a block, with the method's own learning rate where none was named.
    public var filledRegional: RegionalSettings? {
        guard var filled = regional else { return nil }
        filled.learningRate = filled.learningRate ?? method.regional[preset]?.learningRate
        return filled
    }

    /// The output folder.
    ///
    /// - Throws: `Fault` of kind `usage` when none was named.
    public func requiredOutput() throws(Fault) -> String {
        guard let output else {
            throw Fault(.usage, "the output folder is missing", advice: "name it with --output DIR")
        }
        return output
    }

    /// A recipe that says all of these settings, so that a run of it is the same run whatever the defaults become.
    public func recipe() -> PruneRecipe {
        var recipe = PruneRecipe()
        recipe.model = model
        recipe.output = output
        recipe.overwrite = overwrite
        recipe.shardSize = shardSize
        recipe.outputDType = outputDType
        recipe.method = method.name
        recipe.preset = preset
        recipe.sparsity = sparsity
        recipe.pattern = pattern
        recipe.allocation = allocation
        recipe.channelMoves = channelMoves
        recipe.recoverySteps = recoverySteps
        recipe.stageCount = stageCount
        recipe.calibration = calibration
        recipe.samples = samples
        recipe.sequenceLength = sequenceLength
        recipe.temperature = temperature
        recipe.skippedLines = skippedLines
        recipe.textField = textField
        recipe.evaluation = evaluation.isEmpty ? nil : evaluation
        recipe.seed = seed
        recipe.budget = structure?.budget
        recipe.separatesBudgets = structure?.separatesBudgets
        recipe.gradientTerm = structure?.usesGradientTerm
        recipe.effort = structure?.effort
        recipe.levels = structure?.levels
        recipe.interval = structure.flatMap { try? Sparsity($0.interval) }
        recipe.iterations = structure?.iterations
        recipe.generations = structure?.generations
        recipe.offspring = structure?.offspring
        recipe.selection = structure?.selection
        recipe.granularity = structure?.granularity
        recipe.isUniform = structure?.isUniform
        recipe.engines = structure?.engines
        recipe.keepsSupernet = structure?.keepsSupernet
        recipe.alpha = regional?.alpha
        recipe.rounds = regional?.rounds
        recipe.roundSamples = regional?.roundSamples
        recipe.learningRate = regional?.learningRate
        recipe.regionalGradient = regional?.usesGradient
        recipe.regionalOptimizer = regional?.usesOptimizer
        recipe.device = device
        recipe.dtype = dtype
        recipe.streamDType = streamDType
        recipe.threads = threads
        recipe.offload = offload
        recipe.memory = memory
        recipe.batchTokens = batchTokens
        recipe.targets = targets
        recipe.ignore = ignore
        recipe.skippedLayers = skippedLayers
        return recipe
    }
}
