import Faults
import Settings

/// A recovery's settings: every default filled in, every range checked.
public struct RecoverSettings: Sendable, Equatable {
    /// What is trained.
    public var model: String
    /// Nil for a loss without one.
    public var teacher: String?
    /// The folder to publish; nil is enough for a plan.
    public var output: String?
    public var overwrite: Bool
    public var shardSize: ByteSize
    public var outputDType: NumberFormat
    public var loss: LossChoice
    public var turns: CountedTurns
    public var trained: TrainedPart
    /// Of adapters; nil where none are trained.
    public var lora: LowRankSettings?
    public var calibration: [String]
    /// Training and held-out sequences together.
    public var samples: Int
    public var sequenceLength: Int?
    public var skippedLines: Int
    public var textField: String?
    public var evaluation: [String]
    /// Nil where `self` is no source.
    public var temperature: Double?
    /// Sequences that are not trained on; nil is one in sixteen, at most 32.
    public var heldOut: Int?
    public var length: Length
    /// Sequences of a step.
    public var batch: Int
    /// Nil until the weights are known of which it is a share.
    public var learningRate: Double?
    /// What a learning rate that is not named is multiplied by.
    public var rateScale = 1.0
    /// The share of the steps over which the learning rate rises.
    public var warmup: Double
    public var decay: RateDecay
    public var weightDecay: Double
    /// The norm beyond which a gradient is scaled down; 0 does not.
    public var clip: Double
    /// Steps between checks; nil is a tenth of all.
    public var checkEvery: Int?
    /// Checks in a row without a lower loss on the held-out sequences, after which training ends.
    public var patience: Int
    public var seed: UInt64
    /// Whether sequences are trained on in an order of chance, not their own.
    public var shuffles: Bool
    public var device: DeviceChoice
    public var dtype: NumberFormat
    /// Nil means the machine's physical cores.
    public var threads: Int?
    public var checkpointing: Checkpointing
    /// Folder for what training keeps of all weights; nil keeps it in memory.
    public var offload: String?
    /// What the process may hold where there is a choice.
    public var memory: ByteSize?
    /// Tokens that go through the blocks together; nil is 2048 on a processor.
    public var batchTokens: Int?

    public struct LowRankSettings: Sendable, Equatable {
        public var rank: Int
        /// What is added counts alpha / rank.
        public var alpha: Double
        /// The linears that get an adapter, as a checkpoint calls them: "q_proj".
        public var targets: [String]
        public var merge: AdapterMerge
        /// A folder in PEFT's layout whose adapters the run begins with; nil begins with some that change nothing.
        public var adapters: String?
    }

    /// Linears that an adapter can be on.
    public static let adaptable = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

    /// How long it trains.
    public enum Length: Sendable, Equatable {
        case steps(Int)
        /// Passes over the training sequences.
        case epochs(Double)
        /// Of training, checks not counted.
        case minutes(Double)
    }

    public static let defaultSequenceLength = 512
    public static let defaultSamples = 2048
    public static let defaultPatience = 3

    /// - Throws: `usage` when none was named.
    public func requiredOutput() throws(Fault) -> String {
        guard let output else {
            throw Fault(.usage, "the output folder is missing", advice: "name it with --output DIR")
        }
        return output
    }

    /// A recipe that says all of these settings.
    public func recipe() -> RecoverRecipe {
        var recipe = RecoverRecipe()
        recipe.model = model
        recipe.teacher = teacher
        recipe.output = output
        recipe.overwrite = overwrite
        recipe.shardSize = shardSize
        recipe.outputDType = outputDType
        recipe.loss = loss
        recipe.turns = turns
        recipe.trained = trained
        recipe.rank = lora?.rank
        recipe.alpha = lora?.alpha
        recipe.targets = lora?.targets
        recipe.merge = lora?.merge
        recipe.adapters = lora?.adapters
        recipe.calibration = calibration
        recipe.samples = samples
        recipe.sequenceLength = sequenceLength
        recipe.skippedLines = skippedLines
        recipe.textField = textField
        recipe.evaluation = evaluation.isEmpty ? nil : evaluation
        recipe.temperature = temperature
        recipe.heldOut = heldOut
        switch length {
        case .steps(let count): recipe.steps = count
        case .epochs(let count): recipe.epochs = count
        case .minutes(let count): recipe.minutes = count
        }
        recipe.batch = batch
        recipe.learningRate = learningRate
        recipe.warmup = warmup
        recipe.decay = decay
        recipe.weightDecay = weightDecay
        recipe.clip = clip
        recipe.checkEvery = checkEvery
        recipe.patience = patience
        recipe.seed = seed
        recipe.shuffles = shuffles
        recipe.device = device
        recipe.dtype = dtype
        recipe.threads = threads
        recipe.checkpointing = checkpointing
        recipe.offload = offload
        recipe.memory = memory
        recipe.batchTokens = batchTokens
        return recipe
    }

    /// The text of the published recipe: without the output's name, paths named from its folder.
    public var publishedRecipe: String {
        var recipe = output.map { self.recipe().namingPaths(from: $0) } ?? self.recipe()
        recipe.output = nil
        recipe.overwrite = nil
        return recipe.yaml()
    }
}

extension RecoverRecipe {
    /// The settings of a run: defaults filled in, ranges and contradictions checked.
    ///
    /// - Throws: `badRecipe` with the place for a value from a recipe, `usage` for one from a flag.
    public func resolved() throws(Fault) -> RecoverSettings {
        guard let model else {
            throw Fault(.usage, "the model is missing", advice: "name it: espalier recover MODEL --teacher DENSE")
        }
        let loss = loss ?? (teacher == nil ? .lm : .kl)
        if loss.needsTeacher, teacher == nil {
            throw fault(
                "loss", "this loss needs a teacher", found: loss.text,
                advice: "name the model that this one was made from with --teacher, or use --loss lm")
        }
        if !loss.needsTeacher, teacher != nil {
            throw fault(
                "model.teacher", "the loss lm has no teacher", found: teacher,
                advice: "leave --teacher out, or use --loss kl")
        }
        let calibration = calibration ?? []
        guard !calibration.isEmpty else {
            throw fault(
                "calibration.sources", "recovery needs text to train on",
                advice: "give --calibration FILE (.txt, .jsonl or .safetensors), or --calibration self")
        }
        let writesOwnText = calibration.contains(where: OwnText.isOwn)
        if writesOwnText, !loss.needsTeacher {
            throw fault(
                "calibration.sources", "the text of the source self is the teacher's, and there is none",
                found: "self with the loss lm", advice: "name files, or use --loss kl with --teacher")
        }
        if temperature != nil, !writesOwnText {
            throw fault(
                "calibration.temperature", "a temperature applies only to text that the teacher writes",
                advice: "leave it out, or use the source self")
        }
        if let textField, textField.isEmpty || !calibration.contains(where: OwnText.hasFile) {
            throw fault(
                "calibration.text_field",
                textField.isEmpty ? "the text field has no name" : "only the records of files have a text field",
                advice: "leave it out, or name the key of a .jsonl file that holds the text")
        }
        let samples = samples ?? RecoverSettings.defaultSamples
        try check("calibration.samples", samples, in: 2...10_000_000)
        try check("calibration.skip_bad_lines", skippedLines, in: 0...1_000_000_000)
        try check("calibration.sequence_length", sequenceLength, in: 2...1_048_576)
        try check("held_out", heldOut, in: 1...1_000_000)
        try check("batch", batch, in: 1...1_000_000)
        try check("check_every", checkEvery, in: 1...1_000_000_000)
        try check("patience", patience, in: 1...1_000_000_000)
        try check("threads", threads, in: 1...4096)
        try check("batch_tokens", batchTokens, in: 1...16_777_216)
        try check("learning_rate", learningRate, from: 0, to: 10)
        try check("calibration.temperature", temperature, from: 0, to: 10)
        try check("minutes", minutes, from: 0, to: 1e7)
        try check("epochs", epochs, from: 0, to: 1e6)
        for (key, value) in [("warmup", warmup), ("weight_decay", weightDecay), ("clip", clip)] {
            guard let value, !(value >= 0 && value <= (key == "clip" ? 1e9 : 1)) else { continue }
            throw fault(
                key, "'\(key)' is out of range", found: "\(value)",
                expected: "a number from 0 to \(key == "clip" ? "1e9" : "1")")
        }
        if offload != nil, let trained, trained != .all {
            throw fault(
                "offload", "only the training of all weights has a state that is worth a disk",
                found: "offload with train: \(trained.text)", advice: "leave it out, or use --train all")
        }
        if offload != nil, checkpointing == Checkpointing.none {
            throw fault(
                "checkpointing", "blocks on the disk are not kept in memory for the way back",
                found: "none with offload",
                advice: "leave checkpointing or offload out")
        }
        if let heldOut, heldOut >= samples {
            throw fault(
                "held_out", "there would be nothing to train on", found: "\(heldOut) of \(samples) sequences",
                expected: "fewer than the samples")
        }
        return RecoverSettings(
            model: model, teacher: teacher, output: output, overwrite: overwrite ?? false,
            shardSize: shardSize ?? .fiveGigabytes, outputDType: outputDType ?? .auto, loss: loss,
            turns: turns ?? .all, trained: trained ?? .all, lora: try resolvedLora(), calibration: calibration,
            samples: samples,
            sequenceLength: sequenceLength,
            skippedLines: skippedLines ?? 0, textField: textField, evaluation: evaluation ?? [],
            temperature: writesOwnText ? temperature ?? 1 : nil, heldOut: heldOut, length: try resolvedLength(),
            batch: batch ?? 2, learningRate: learningRate,
            warmup: warmup ?? 0.05, decay: decay ?? .cosine, weightDecay: weightDecay ?? 0, clip: clip ?? 1,
            checkEvery: checkEvery, patience: patience ?? RecoverSettings.defaultPatience, seed: seed ?? 0,
            shuffles: shuffles ?? true,
            device: device ?? .auto, dtype: dtype ?? .auto,
            threads: threads, checkpointing: checkpointing ?? .auto,
            offload: offload, memory: memory, batchTokens: batchTokens)
    }

    private func resolvedLora() throws(Fault) -> RecoverSettings.LowRankSettings? {
        guard trained == .lora else {
            let given = ["lora.rank", "lora.alpha", "lora.targets", "lora.merge", "lora.adapters"].first { key in
                RecoverRecipe.fields.first { $0.key == key }?.isGiven(self) ?? false
            }
            if let given {
                throw fault(
                    given, "only adapters have this setting", found: "\(given) with train: \((trained ?? .all).text)",
                    advice: "leave it out, or use --train lora")
            }
            return nil
        }
        try check("lora.rank", rank, in: 1...4096)
        try check("lora.alpha", alpha, from: 0, to: 1e6)
        for target in targets ?? [] where !RecoverSettings.adaptable.contains(target) {
            throw fault(
                "lora.targets", "no linear has this name", found: target,
                expected: RecoverSettings.adaptable.joined(separator: ", "))
        }
        let rank = rank ?? 16
        return .init(
            rank: rank, alpha: alpha ?? 2 * Double(rank), targets: targets ?? RecoverSettings.adaptable,
            merge: merge ?? .masked, adapters: adapters)
    }

    private func resolvedLength() throws(Fault) -> RecoverSettings.Length {
        let given = [("steps", steps != nil), ("epochs", epochs != nil), ("minutes", minutes != nil)].filter(\.1)
        if given.count > 1 {
            throw fault(
                given[1].0, "the length of the run is given twice", found: given.map(\.0).joined(separator: " and "),
                expected: "one of steps, epochs and minutes")
        }
        try check("steps", steps, in: 1...1_000_000_000)
        if let steps { return .steps(steps) }
        if let minutes { return .minutes(minutes) }
        return .epochs(epochs ?? 1)
    }

    /// A learning rate that is not named.
    public enum DefaultRate: Sendable {
        case absolute(Double)
        /// Of the mean magnitude of the weights in the blocks that are not zero.
        case share(Double)
    }

    public static func defaultRate(_ trained: TrainedPart) -> DefaultRate {
        switch trained {
        case .all: .share(0.0017)
        case .norms: .absolute(0.003)
        case .lora: .share(0.0056)
        }
    }

    /// Of a model all of whose weights are zero.
    public static let rateWithoutWeights = 3e-4

    private func check(_ key: String, _ value: Int?, in range: ClosedRange<Int>) throws(Fault) {
        guard let value, !range.contains(value) else { return }
        throw fault(
            key, "'\(key)' is out of range", found: "\(value)",
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }

    private func check(_ key: String, _ value: Double?, from low: Double, to high: Double) throws(Fault) {
        guard let value, !(value > low && value <= high) else { return }
        throw fault(
            key, "'\(key)' is out of range", found: "\(value)", expected: "a number above \(low) and at most \(high)")
    }
}
