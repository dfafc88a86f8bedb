import ArgumentParser
import Recipes
import Settings

/// How a recovery trains.
public struct RecoverTrainingOptions: ParsableArguments {
    @OptionGroup public var file: RecipeFileOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Loss: kl, the divergence from the teacher's predictions; lm, the surprise at the text; or kl+lm "
                + "(default: kl, without a teacher lm).", valueName: "loss"),
        completion: .words(LossChoice.self), transform: optionValue)
    public var loss: LossChoice?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Whose turns of conversations the loss counts: all, or assistant for its replies alone, with the token "
                + "that ends each; texts without turns count as a whole (default: all).", valueName: "turns"),
        completion: .words(CountedTurns.self), transform: optionValue)
    public var turns: CountedTurns?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What of the blocks is trained: all; norms for norms and biases alone; or lora for adapters of low rank, "
                + "which are merged (default: all).",
            valueName: "part"),
        completion: .words(TrainedPart.self), transform: optionValue)
    public var train: TrainedPart?

    @Option(name: .long, help: ArgumentHelp("Rank of the adapters of --train lora (default: 16).", valueName: "r"))
    public var rank: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Weight of the adapters: they count alpha / rank (default: twice the rank).", valueName: "a")
    )
    public var alpha: Double?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Linear that gets an adapter, such as q_proj; may be given again (default: all of a block).",
            valueName: "name"))
    public var targets: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What becomes of adapters: masked adds them to the weights and keeps zeros; plain is refused where zeros "
                + "would be filled; none writes them alone, for PEFT (default: masked)."),
        completion: .words(AdapterMerge.self), transform: optionValue)
    public var merge: AdapterMerge?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --train lora: begins with the adapters of this folder, in PEFT's layout, of the same --rank, --alpha "
                + "and --targets (default: with some that change nothing).",
            valueName: "dir"), completion: .directory)
    public var adapters: String?

    @Option(name: .long, help: ArgumentHelp("Number of steps (default: one epoch).", valueName: "n"))
    public var steps: Int?

    @Option(
        name: .long, help: ArgumentHelp("Number of passes over the training sequences (default: 1).", valueName: "n"))
    public var epochs: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Minutes of training: as many steps as fit, checks not counted; the best state is written.",
            valueName: "n"))
    public var minutes: Double?

    @Option(name: .long, help: ArgumentHelp("Number of sequences in a step (default: 2).", valueName: "n"))
    public var batch: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Highest learning rate (default: \(RecoverHelp.rate(.all)); with --train lora \(RecoverHelp.rate(.lora)), "
                + "with --train norms \(RecoverHelp.rate(.norms))).",
            valueName: "r"))
    public var learningRate: Double?

    @Option(
        name: .long,
        help: ArgumentHelp("Share of the steps over which the learning rate rises (default: 0.05).", valueName: "s"))
    public var warmup: Double?

    @Option(
        name: .long, help: "How the learning rate falls: cosine, linear or constant (default: cosine).",
        completion: .words(RateDecay.self), transform: optionValue)
    public var decay: RateDecay?

    @Option(name: .long, help: ArgumentHelp("Weight decay of AdamW (default: 0).", valueName: "w"))
    public var weightDecay: Double?

    @Option(
        name: .long,
        help: ArgumentHelp("Norm beyond which a gradient is scaled down; 0 for none (default: 1).", valueName: "n"))
    public var clip: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of sequences that are held out (default: one in 16, at most 32).", valueName: "n"))
    public var heldOut: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of steps between checks, after each of which the run can be resumed (default: a tenth of all).",
            valueName: "n"))
    public var checkEvery: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of checks in a row without a lower loss on the held-out sequences, after which training ends "
                + "early (default: \(RecoverSettings.defaultPatience)).", valueName: "n"))
    public var patience: Int?

    public init() {}

    func apply(to flags: inout RecoverRecipe) {
        flags.loss = loss
        flags.turns = turns
        flags.trained = train
        flags.rank = rank
        flags.alpha = alpha
        flags.targets = targets.isEmpty ? nil : targets
        flags.merge = merge
        flags.adapters = adapters
        flags.steps = steps
        flags.epochs = epochs
        flags.minutes = minutes
        flags.batch = batch
        flags.learningRate = learningRate
        flags.warmup = warmup
        flags.decay = decay
        flags.weightDecay = weightDecay
        flags.clip = clip
        flags.heldOut = heldOut
        flags.checkEvery = checkEvery
        flags.patience = patience
    }
}

enum RecoverHelp {
    /// The default learning rate, as help shows it.
    static func rate(_ part: TrainedPart) -> String {
        switch RecoverRecipe.defaultRate(part) {
        case .absolute(let rate): "\(rate)"
        case .share(let share): "\(share) of the weights' mean magnitude"
        }
    }
}

/// What a recovery trains on.
public struct RecoverTextOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Text to train on, as `espalier prune --calibration` takes it, each with an optional @weight; or self for "
                + "text that the teacher writes, self:FILE for its answers to the prompts of records. May be given again.",
            valueName: "file"), completion: .texts)
    public var calibration: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of sequences, held-out ones included (default: \(RecoverSettings.defaultSamples)).",
            valueName: "n"))
    public var samples: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of tokens in a sequence (default: a token file's own, else "
                + "\(RecoverSettings.defaultSequenceLength)).", valueName: "n"))
    public var sequenceLength: Int?

    @OptionGroup public var reading: RunTextOptions

    @Flag(name: .long, help: "Trains on the sequences in their own order.")
    public var noShuffle = false

    public init() {}

    func apply(to flags: inout RecoverRecipe) {
        flags.calibration = calibration.isEmpty ? nil : calibration
        flags.samples = samples
        flags.sequenceLength = sequenceLength
        reading.apply(to: &flags)
        if noShuffle { flags.shuffles = false }
    }
}

/// Where and how a recovery's arithmetic runs, and what is written.
public struct RecoverEngineOptions: ParsableArguments {
    @OptionGroup public var weights: WrittenWeightsOptions
    @OptionGroup public var place: RunDeviceOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Data type of the matrix products: auto, float32 or bfloat16; auto is bfloat16 where the hardware supports "
                + "it, else float32. Masters and moments are float32 (default: auto).", valueName: "type"),
        completion: .words(NumberFormat.self), transform: optionValue)
    public var dtype: NumberFormat?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Memory to use where there is a choice, such as 8GB: what does not fit is computed again on the way back "
                + "(default: half of what is free).", valueName: "size"), transform: optionValue)
    public var memory: ByteSize?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Blocks of which a pass keeps only the input and computes the rest again: auto, as memory asks for; all; or "
                + "none (default: auto)."), completion: .words(Checkpointing.self), transform: optionValue)
    public var checkpointing: Checkpointing?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Folder for masters, moments and gradients, with one block at a time in memory; with --train all.",
            valueName: "dir"), completion: .directory)
    public var offload: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Number of tokens that go through the blocks together (default: 2048).", valueName: "n"))
    public var batchTokens: Int?

    public init() {}

    func apply(to flags: inout RecoverRecipe) {
        weights.apply(to: &flags)
        place.apply(to: &flags)
        flags.dtype = dtype
        flags.checkpointing = checkpointing
        flags.offload = offload
        flags.memory = memory
        flags.batchTokens = batchTokens
    }
}
