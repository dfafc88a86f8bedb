import ArgumentParser
import Faults
import Recipes
import Settings

/// The options of `prune` and `plan`. All are optional: what is not given comes from the recipe, else from the
/// defaults.
public struct PruneOptions: ParsableArguments {
    @OptionGroup public var file: RecipeFileOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Pruning method: \(MethodHelp.names) (default: \(MethodHelp.standard)).", valueName: "method"),
        completion: .methods, transform: methodName)
    public var method: String?

    @Option(
        name: .long, help: "Settings of the method: default, or paper for WANDA++ as published (default: default).",
        completion: .words(Preset.self), transform: optionValue)
    public var preset: Preset?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Fraction of weights (\(MethodHelp.removingUnits): of the parameters of all blocks) to remove: 0.5 or 50%; "
                + "less than a K:M pattern has leaves linear layers dense, which a search chooses (default: 0.5, or "
                + "that of a K:M pattern)."),
        transform: optionValue)
    public var sparsity: Sparsity?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Pattern of the zeros: unstructured, or K:M to keep K of every M input columns, such as 2:4 (default: "
                + "unstructured)."),
        completion: .patterns, transform: optionValue)
    public var pattern: PatternChoice?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "How layers share the sparsity: uniform, owl to prune outlier-heavy layers less, or search for the least "
                + "KL to the dense model (default: uniform)."),
        completion: .words(Allocation.self), transform: optionValue)
    public var allocate: Allocation?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Channels that change places before a K:M pattern chooses among neighbours: none; blocks, the neurons and "
                + "values inside of blocks; or all, those of the residual stream, too. What the model computes stays "
                + "the same, but adapters made for the dense model no longer fit (default: \(MethodHelp.moves))."),
        completion: .words(ChannelMoves.self), transform: optionValue)
    public var permute: ChannelMoves?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Prunes in stages and trains the model for this many steps after each, as `espalier recover` does, with "
                + "the dense model as the teacher and the calibration text.", valueName: "steps"))
    public var recover: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of stages of --recover; 1 prunes once and trains at the end (default: as many as remove at most "
                + "30 % of what is left each).", valueName: "n"))
    public var stages: Int?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Calibration text: a UTF-8 text of any name (documents separated by blank lines); .jsonl, .ndjson or .json "
                + "(records with text, messages, conversations, prompt and completion or chosen, or instruction and "
                + "output); .safetensors (int32 'tokens' [n, T]); texts and records may be gzipped; each "
                + "with an optional @weight; or self for text "
                + "that the model writes, self:FILE for its answers to the prompts of records. May be given again.",
            valueName: "file"), completion: .texts)
    public var calibration: [String] = []

    @Option(name: .long, help: ArgumentHelp("Number of calibration sequences (default: 128).", valueName: "n"))
    public var samples: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Number of tokens in a sequence (default: a token file's own, else 2048).", valueName: "n"))
    public var sequenceLength: Int?

    @OptionGroup public var text: RunTextOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Prunes only the linear layers whose names match this regular expression.", valueName: "regex"))
    public var targets: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Does not prune the linear layers whose names match this regular expression.", valueName: "regex"))
    public var ignore: [String] = []

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "Removes nothing from these layers: numbers from 0 on, or from the end as -1, such as 0,-1.",
            valueName: "n,…"), transform: optionValue)
    public var skipLayers: LayerList?

    @OptionGroup public var weights: WrittenWeightsOptions

    public init() {}

    var recipe: String? { file.recipe }

    func apply(to flags: inout PruneRecipe) {
        text.apply(to: &flags)
        weights.apply(to: &flags)
        flags.method = method
        flags.preset = preset
        flags.sparsity = sparsity
        flags.pattern = pattern
        flags.allocation = allocate
        flags.channelMoves = permute
        flags.recoverySteps = recover
        flags.stageCount = stages
        flags.calibration = calibration.isEmpty ? nil : calibration
        flags.samples = samples
        flags.sequenceLength = sequenceLength
        flags.targets = targets.isEmpty ? nil : targets
        flags.ignore = ignore.isEmpty ? nil : ignore
        flags.skippedLayers = skipLayers
    }
}

/// WANDA++'s own options.
public struct RegionalOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Weight of the regional gradient, preset paper only (default: \(MethodHelp.value(.paper) { $0.alpha })).",
            valueName: "a"))
    public var alpha: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of passes over the sequences (default: \(MethodHelp.value(.default) { Double($0.rounds) })); "
                + "with preset paper, rounds of pruning and optimizing (default: "
                + "\(MethodHelp.value(.paper) { Double($0.rounds) })).",
            valueName: "n"))
    public var rounds: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of sequences drawn for a round, preset paper only (default: "
                + "\(MethodHelp.value(.paper) { $0.roundSamples.map(Double.init) })).", valueName: "n"))
    public var roundSamples: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Step size as a share of a linear layer's mean |w| (default: "
                + "\(MethodHelp.value(.default) { $0.learningRate })); absolute with preset paper (default: "
                + "\(MethodHelp.value(.paper) { $0.learningRate })).",
            valueName: "r"))
    public var learningRate: Double?

    @Flag(name: .long, help: "Scores without the regional gradient, preset paper only.")
    public var noRegionalGradient = false

    @Flag(name: .long, help: "Prunes by the score alone, without the regional optimizer.")
    public var noRegionalOptimizer = false

    public init() {}

    func apply(to flags: inout PruneRecipe) {
        flags.alpha = alpha
        flags.rounds = rounds
        flags.roundSamples = roundSamples
        flags.learningRate = learningRate
        if noRegionalGradient { flags.regionalGradient = false }
        if noRegionalOptimizer { flags.regionalOptimizer = false }
    }
}

/// Týr's own options.
public struct StructuralOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "What the sparsity counts: parameters of the blocks, bytes of the whole model, kv-cache, or latency "
                + "of the blocks as measured on this machine (default: parameters).", valueName: "budget"),
        completion: .words(Budget.self), transform: optionValue)
    public var budget: Budget?

    @Flag(name: .long, help: "Removes that share from attention and from the MLP, not only from their sum.")
    public var separateBudgets = false

    @Flag(name: .long, help: "Chooses units with the paper's gradient term.")
    public var gradientTerm = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Length of the search: quick; default; best, which also trains the whole model at the end, on the calibration "
                + "text; or paper as published (default: default).",
            valueName: "effort"), completion: .words(Effort.self), transform: optionValue)
    public var effort: Effort?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of sparsities tried for each sub-layer (default: all from 0 to 100 %; paper: 9).", valueName: "n"))
    public var levels: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Step between the sparsities that are tried (default: 6.25%; paper: 12.5%).", valueName: "f"),
        transform: optionValue)
    public var interval: Sparsity?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of searches, each with half the interval around the last result (default: 1; paper: 4).",
            valueName: "n"))
    public var iterations: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of generations of the evolutionary search (default: 6; quick: 4; paper: 50).", valueName: "n"))
    public var generations: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of distributions tried in a generation (default: 12; quick: 8; paper: 128).", valueName: "n"))
    public var offspring: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Stages of the selection as survivors:tokens, such as 16:2048,4:16384,1:131072 (default: by effort and "
                + "data).",
            valueName: "stages"), transform: optionValue)
    public var selection: SelectionStages?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keeps neurons in multiples of n (default: 8; with --for what the engines need).", valueName: "n"))
    public var granularity: Int?

    @Flag(
        name: .long,
        help: "Gives all layers the same heads and width: a plain model of its family, which opens everywhere.")
    public var uniform = false

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "Removes only what these engines can do without, in widths that they support: transformers, vllm, sglang, "
                + "llama.cpp, mlx. Layers may differ, and `espalier export` makes what the engine opens.",
            valueName: "engine,…"), completion: .words(ServingEngine.self),
        transform: optionValue)
    public var engines: ServingEngines?

    @Flag(name: .long, help: "Keeps the candidates of all sub-layers in the output.")
    public var keepSupernet = false

    public init() {}

    func apply(to flags: inout PruneRecipe) {
        flags.budget = budget
        if separateBudgets { flags.separatesBudgets = true }
        if gradientTerm { flags.gradientTerm = true }
        flags.effort = effort
        flags.levels = levels
        flags.interval = interval
        flags.iterations = iterations
        flags.generations = generations
        flags.offspring = offspring
        flags.selection = selection
        flags.granularity = granularity
        if uniform { flags.isUniform = true }
        flags.engines = engines
        if keepSupernet { flags.keepsSupernet = true }
    }
}

/// Where and how a prune run computes.
public struct PruneEngineOptions: ParsableArguments {
    @OptionGroup public var place: RunDeviceOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Data type of the matrix products: auto is bfloat16 where the hardware supports it, else float32 "
                + "(default: auto).", valueName: "type"), completion: .words(NumberFormat.self), transform: optionValue)
    public var dtype: NumberFormat?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Data type of the stored hidden states (default: float32). The teacher of the preset paper uses "
                + "float32, and the costs of linear layers bfloat16, whatever is given.", valueName: "type"),
        completion: .list(["float32", "bfloat16", "float16"]), transform: optionValue)
    public var streamDtype: NumberFormat?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keeps the hidden states in this folder instead of in memory; those of the preset paper's teacher stay in "
                + "memory.", valueName: "dir"), completion: .directory)
    public var offload: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Maximum memory for blocks and hidden states, in the process or on "
                + "the GPU; states beyond it are kept on disk, or in the process's memory instead of the GPU's "
                + "(default: half of the free memory).", valueName: "size"),
        transform: optionValue)
    public var memory: ByteSize?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of tokens computed together in a block (default: 2048; on a GPU as many as keep it busy). "
                + "Another number adds up in another order, so that results differ a little.", valueName: "n"))
    public var batchTokens: Int?

    public init() {}

    func apply(to flags: inout PruneRecipe) {
        place.apply(to: &flags)
        flags.dtype = dtype
        flags.streamDType = streamDtype
        flags.offload = offload
        flags.memory = memory
        flags.batchTokens = batchTokens
    }
}
