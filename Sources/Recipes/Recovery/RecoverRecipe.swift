import Faults
import Files
import Settings

/// What the user asks of a recovery, from a recipe file, from flags, or from both. Nil means "not given".
///
/// ```yaml
/// version: 1
/// model:
///   path: ./pruned              # what is trained: a checkpoint folder or a .gguf file
///   teacher: ./dense            # what its predictions are to be like
/// output:
///   path: ./recovered
///   overwrite: false
///   shard_size: 5GB
///   dtype: auto                 # auto | float32 | bfloat16 | float16
/// loss: kl                      # kl | lm | kl+lm
/// turns: all                    # all | assistant: whose turns of conversations the loss counts
/// train: all                    # all | norms | lora
/// lora:                         # with train: lora
///   rank: 16
///   alpha: 32
///   targets: [q_proj, v_proj]   # all linears when absent
///   merge: masked               # masked | plain | none
///   adapters: ./given           # begins with these instead of with none: a folder in PEFT's layout
/// calibration:
///   sources: [wikipedia.txt, chats.jsonl@0.5]
///   samples: 2048               # training and held-out sequences together
///   sequence_length: 512        # tokens
///   skip_bad_lines: 0
///   text_field: body
///   evaluation: [test.txt]
///   temperature: 1.0            # of the text that the teacher writes for the source self
/// held_out: 16                  # sequences that are not trained on but decide which state is kept
/// steps: 200                    # or epochs, or minutes
/// epochs: 1
/// minutes: 20
/// batch: 2                      # sequences of a step
/// learning_rate: 1e-4
/// warmup: 0.05                  # share of the steps over which it rises
/// decay: cosine                 # cosine | linear | constant
/// weight_decay: 0
/// clip: 1                       # norm of the gradient
/// check_every: 50               # steps between checks on the held-out sequences, each of which can be resumed from
/// patience: 3                   # checks in a row without a lower held-out loss, after which training ends
/// seed: 0
/// shuffle: true
/// device: auto
/// dtype: auto
/// threads: 8
/// checkpointing: auto           # auto | all | none: blocks of which a pass keeps only the input
/// offload: ./scratch            # folder for masters, moments and gradients, with train: all
/// memory: 8GB
/// batch_tokens: 2048            # tokens that go through the blocks together
/// ```
public struct RecoverRecipe: Sendable {
    /// A checkpoint folder or a .gguf file.
    public var model: String?
    public var teacher: String?
    public var output: String?
    public var overwrite: Bool?
    public var shardSize: ByteSize?
    public var outputDType: NumberFormat?
    public var loss: LossChoice?
    public var turns: CountedTurns?
    public var trained: TrainedPart?
    public var rank: Int?
    public var alpha: Double?
    public var targets: [String]?
    public var merge: AdapterMerge?
    /// A folder in PEFT's layout.
    public var adapters: String?
    /// Text files, each with an optional `@weight`, or `self`.
    public var calibration: [String]?
    public var samples: Int?
    /// Tokens per sample.
    public var sequenceLength: Int?
    public var skippedLines: Int?
    public var textField: String?
    public var evaluation: [String]?
    public var temperature: Double?
    public var heldOut: Int?
    public var steps: Int?
    public var epochs: Double?
    public var minutes: Double?
    public var batch: Int?
    public var learningRate: Double?
    public var warmup: Double?
    public var decay: RateDecay?
    public var weightDecay: Double?
    public var clip: Double?
    public var checkEvery: Int?
    public var patience: Int?
    public var seed: UInt64?
    public var shuffles: Bool?
    public var device: DeviceChoice?
    public var dtype: NumberFormat?
    public var threads: Int?
    public var checkpointing: Checkpointing?
    public var offload: String?
    public var memory: ByteSize?
    public var batchTokens: Int?

    var file: String?
    var places: [String: String] = [:]

    public init() {}

    /// - Throws: as `PruneRecipe.init(yaml:file:)`.
    public init(yaml: String, file: String? = nil) throws(Fault) { try self.init(readingYAML: yaml, file: file) }

    /// Reads a recipe file. Its paths are named from the folder that it lies in.
    ///
    /// - Throws: as `PruneRecipe.init(contentsOf:)`.
    public init(contentsOf path: String) throws(Fault) {
        self = try RecoverRecipe(yaml: try StrictYAML.text(of: path, noun: "recipe"), file: path)
            .resolvingPaths(in: FileSystem.parent(path))
    }

    /// The recipe as canonical YAML.
    public func yaml() -> String { RecipeWriter.text(of: self) }

    /// These wishes with the flags' put over them: a flag that is given wins.
    public func merging(flags: RecoverRecipe) -> RecoverRecipe {
        var merged = self
        // What a run's length is given as is one choice.
        if flags.steps != nil || flags.epochs != nil || flags.minutes != nil {
            (merged.steps, merged.epochs, merged.minutes) = (nil, nil, nil)
        }
        for field in RecoverRecipe.fields where field.isGiven(flags) {
            field.copy(flags, &merged)
            merged.places[field.key] = flags.places[field.key]
        }
        return merged
    }
}

extension RecoverRecipe: RecipeForm {
    static var fields: [RecipeField<RecoverRecipe>] {
        [
            .text("model.path", "MODEL", \.model),
            .text("model.teacher", "--teacher", \.teacher),
            .text("output.path", "--output", \.output),
            .flag("output.overwrite", "--overwrite", \.overwrite),
            .option("output.shard_size", "--shard-size", \.shardSize),
            .option("output.dtype", "--output-dtype", \.outputDType),
            .option("loss", "--loss", \.loss),
            .option("turns", "--turns", \.turns),
            .option("train", "--train", \.trained),
            .integer("lora.rank", "--rank", \.rank),
            .number("lora.alpha", "--alpha", \.alpha),
            .list("lora.targets", "--targets", \.targets),
            .option("lora.merge", "--merge", \.merge),
            .text("lora.adapters", "--adapters", \.adapters),
            .list("calibration.sources", "--calibration", \.calibration),
            .integer("calibration.samples", "--samples", \.samples),
            .integer("calibration.sequence_length", "--sequence-length", \.sequenceLength),
            .integer("calibration.skip_bad_lines", "--skip-bad-lines", \.skippedLines),
            .text("calibration.text_field", "--text-field", \.textField),
            .list("calibration.evaluation", "--evaluation", \.evaluation),
            .number("calibration.temperature", "--temperature", \.temperature),
            .integer("held_out", "--held-out", \.heldOut),
            .integer("steps", "--steps", \.steps),
            .number("epochs", "--epochs", \.epochs),
            .number("minutes", "--minutes", \.minutes),
            .integer("batch", "--batch", \.batch),
            .number("learning_rate", "--learning-rate", \.learningRate),
            .number("warmup", "--warmup", \.warmup),
            .option("decay", "--decay", \.decay),
            .number("weight_decay", "--weight-decay", \.weightDecay),
            .number("clip", "--clip", \.clip),
            .integer("check_every", "--check-every", \.checkEvery),
            .integer("patience", "--patience", \.patience),
            .integer("seed", "--seed", \.seed),
            .flag("shuffle", "--no-shuffle", \.shuffles),
            .option("device", "--device", \.device),
            .option("dtype", "--dtype", \.dtype),
            .integer("threads", "--threads", \.threads),
            .option("checkpointing", "--checkpointing", \.checkpointing),
            .text("offload", "--offload", \.offload),
            .option("memory", "--memory", \.memory),
            .integer("batch_tokens", "--batch-tokens", \.batchTokens),
        ]
    }
}

extension RecoverRecipe: Equatable {
    /// Recipes are equal that ask for the same; where it stands in a file is no part of that.
    public static func == (left: RecoverRecipe, right: RecoverRecipe) -> Bool { left.yaml() == right.yaml() }
}
