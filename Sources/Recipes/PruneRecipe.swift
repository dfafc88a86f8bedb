import Faults
import Settings

/// What the user asks of a prune run, from a recipe file, from flags, or from both. Nil means "not given".
///
/// A recipe is a YAML file of this shape. Every key is optional except `version`; an unknown key is an error. Relative
/// paths lead on from the folder that the file lies in.
///
/// ```yaml
/// version: 1
/// model:
///   path: ./SmolLM2-135M        # a checkpoint folder or a .gguf file
/// output:
///   path: ./pruned
///   overwrite: false
///   shard_size: 5GB             # KB, MB, GB or KiB, MiB, GiB
///   dtype: auto                 # auto | float32 | bfloat16 | float16
/// method: wanda++               # magnitude | wanda | sparsegpt | wanda++ | tyr
/// preset: default               # default | paper
/// sparsity: 0.5                 # or 50%; follows from a K:M pattern
/// pattern: unstructured         # or K:M, which keeps K of every M; tyr: structured
/// allocate: uniform             # uniform | owl | search
/// permute: blocks               # none | blocks | all: channels that a K:M pattern has change places first
/// recover: 100                  # prune in stages, with so many steps of `espalier recover` after each
/// stages: 1                     # of recover; as many as remove at most 30 % of what is left each when absent
/// calibration:
///   sources: [news.txt, chats.jsonl@2.5]
///   samples: 128
///   sequence_length: 2048       # tokens
///   skip_bad_lines: 0           # wrong records of each .jsonl file that are left out
///   text_field: body            # the only key of .jsonl files that is read; the usual forms when absent
///   evaluation: [test.txt]      # warn where the calibration text holds what these do
///   temperature: 1.0            # of the text that the model writes for the source self
/// seed: 0
/// structure:                    # tyr only
///   budget: parameters          # parameters | bytes | kv-cache | latency: of which the sparsity is a share
///   separate_budgets: false     # attention and MLP each lose that share
///   gradient_term: false        # the paper's, in the choice of units
///   effort: default             # quick | default | best | paper: what the next six are when absent
///   levels: 9                   # candidates of a sub-layer around its sparsity; all from 0 to 1 when absent
///   interval: 0.125             # between them
///   iterations: 4               # each halves the interval around what was found
///   generations: 50
///   offspring: 128
///   selection: 16:2048,4:16384,1:131072   # survivors:tokens of each stage
///   uniform: false              # the same shape for all layers
///   for: vllm,llama.cpp         # transformers, vllm, sglang, llama.cpp, mlx: what they open, in widths that they take
///   granularity: 64             # neurons are kept in multiples of it; of 8 when absent
///   keep_supernet: false
/// regional:                     # wanda++; rounds, learning_rate and optimizer of tyr, too
///   alpha: 100
///   rounds: 5
///   round_samples: 32
///   learning_rate: 3e-7         # the preset's own when absent
///   gradient: true
///   optimizer: true
/// device: auto                  # auto | cpu | cuda[:N]
/// dtype: auto
/// stream_dtype: float32         # float32 | bfloat16 | float16
/// threads: 8                    # the processor's cores when absent
/// offload: ./scratch            # folder for the hidden stream
/// memory: 8GB                   # what the run keeps in memory beyond the least that it needs; half of what is free
/// batch_tokens: 2048            # tokens that go through a block together; on a GPU as many as keep it busy
/// targets: ['mlp\.']            # regular expressions: which linears; all when absent
/// ignore: ['layers\.0\.']       # regular expressions: which of them not
/// skip_layers: 0,-1             # layers from which nothing is removed: from 0 on, or from the end as -1
/// ```
///
/// Dates, octal numbers, `yes`/`no`, anchors, aliases, tags, tabs and block texts are refused: a recipe says what it
/// means in one way only.
public struct PruneRecipe: Sendable {
    /// A checkpoint folder or a .gguf file.
    public var model: String?
    /// The folder to write the pruned model to.
    public var output: String?
    public var overwrite: Bool?
    public var shardSize: ByteSize?
    public var outputDType: NumberFormat?
    /// The name of a method.
    public var method: String?
    public var preset: Preset?
    public var sparsity: Sparsity?
    public var pattern: PatternChoice?
    public var allocation: Allocation?
    /// Channels that change places before a K:M pattern chooses among neighbours.
    public var channelMoves: ChannelMoves?
    /// Steps of training after each of several prunings.
    public var recoverySteps: Int?
    /// How many prunings there are with `recoverySteps`; nil for as few as remove at most 30 % of what is left each.
    public var stageCount: Int?
    /// Calibration files, each with an optional `@weight`, or `self`.
    public var calibration: [String]?
    public var samples: Int?
    /// Tokens per sample.
    public var sequenceLength: Int?
    /// Temperature of the text that the model writes for the source `self`.
    public var temperature: Double?
    public var skippedLines: Int?
    /// The only key of .jsonl files that is read.
    public var textField: String?
    /// Files that the pruned model is to be evaluated on.
    public var evaluation: [String]?
    public var budget: Budget?
    public var separatesBudgets: Bool?
    public var gradientTerm: Bool?
    public var effort: Effort?
    public var levels: Int?
    public var interval: Sparsity?
    public var iterations: Int?
    public var generations: Int?
    public var offspring: Int?
    public var selection: SelectionStages?
    public var granularity: Int?
    public var isUniform: Bool?
    public var engines: ServingEngines?
    public var keepsSupernet: Bool?
    public var seed: UInt64?
    /// Weight of the regional gradient against ‖X‖₂.
    public var alpha: Double?
    /// Rounds of the regional optimizer per block.
    public var rounds: Int?
    /// Sequences drawn for each round.
    public var roundSamples: Int?
    public var learningRate: Double?
    public var regionalGradient: Bool?
    public var regionalOptimizer: Bool?
    public var device: DeviceChoice?
    public var dtype: NumberFormat?
    public var streamDType: NumberFormat?
    public var threads: Int?
    public var offload: String?
    public var memory: ByteSize?
    public var batchTokens: Int?
    /// Regular expressions for the linears to prune.
    public var targets: [String]?
    /// Regular expressions for linears to leave alone.
    public var ignore: [String]?
    /// Layers from which nothing is removed.
    public var skippedLayers: LayerList?

    /// The recipe file, and where in it each key's value stands; keys that came from flags have no place.
    var file: String?
    var places: [String: String] = [:]

    public init() {}

    /// These wishes with the flags' put over them: a flag that is given wins.
    ///
    /// What a recipe says only about a choice that a flag replaces goes with that choice: its `regional` and
    /// `structure` keys when a flag names another method, its `sparsity` when a flag names a K:M pattern.
    public func merging(flags: PruneRecipe, among methods: MethodList) -> PruneRecipe {
        var merged = self
        if let method = flags.method, method != self.method ?? methods.standard.name {
            for field in PruneRecipe.fields where field.isRegional || field.isStructural { field.clear(&merged) }
        }
        if flags.pattern?.impliedFraction != nil { merged.sparsity = nil }
        if flags.method != nil || flags.preset != nil || flags.pattern != nil {
            let method = methods.all.first { $0.name == flags.method ?? self.method ?? methods.standard.name }
            let moves = method?.moves[flags.preset ?? preset ?? .default]
            if moves == nil || (flags.pattern ?? pattern)?.groups != true { merged.channelMoves = nil }
        }
        for field in PruneRecipe.fields where field.isGiven(flags) {
            field.copy(flags, &merged)
            merged.places[field.key] = flags.places[field.key]
        }
        return merged
    }
}

extension PruneRecipe: Equatable {
    /// Recipes are equal that ask for the same; where it stands in a file is no part of that.
    public static func == (left: PruneRecipe, right: PruneRecipe) -> Bool { left.yaml() == right.yaml() }
}
