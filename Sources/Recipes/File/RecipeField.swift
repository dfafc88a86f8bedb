import Faults
import Settings

/// One key of a recipe: its name in the file, its flag, and how its value is read, written and copied.
///
/// Reader, writer and merge all walk this one table, so that a key cannot be known to one and not to another.
struct RecipeField {
    /// The dotted path, "calibration.samples".
    let key: String
    let flag: String
    let read: (YAMLNode, inout PruneRecipe) throws(Fault) -> Void
    /// The YAML of the value, or nil when it is not given. A list has one element per item.
    let write: (PruneRecipe) -> WrittenValue?
    let copy: (PruneRecipe, inout PruneRecipe) -> Void
    let clear: (inout PruneRecipe) -> Void

    enum WrittenValue: Equatable {
        case scalar(String)
        case list([String])
    }

    var isRegional: Bool { key.hasPrefix("regional.") }
    var isStructural: Bool { key.hasPrefix("structure.") }
    func isGiven(_ recipe: PruneRecipe) -> Bool { write(recipe) != nil }

    /// In the order in which a recipe is written.
    static var all: [RecipeField] {
        [
            text("model.path", "MODEL", \.model),
            text("output.path", "--output", \.output),
            flag("output.overwrite", "--overwrite", \.overwrite),
            option("output.shard_size", "--shard-size", \.shardSize),
            option("output.dtype", "--output-dtype", \.outputDType),
            text("method", "--method", \.method),
            option("preset", "--preset", \.preset),
            option("sparsity", "--sparsity", \.sparsity),
            option("pattern", "--pattern", \.pattern),
            option("allocate", "--allocate", \.allocation),
            list("calibration.sources", "--calibration", \.calibration),
            integer("calibration.samples", "--samples", \.samples),
            integer("calibration.sequence_length", "--sequence-length", \.sequenceLength),
            integer("calibration.skip_bad_lines", "--skip-bad-lines", \.skippedLines),
            text("calibration.text_field", "--text-field", \.textField),
            list("calibration.evaluation", "--evaluation", \.evaluation),
            number("calibration.temperature", "--temperature", \.temperature),
            integer("seed", "--seed", \.seed),
            option("structure.budget", "--budget", \.budget),
            flag("structure.separate_budgets", "--separate-budgets", \.separatesBudgets),
            flag("structure.gradient_term", "--gradient-term", \.gradientTerm),
            option("structure.effort", "--effort", \.effort),
            integer("structure.levels", "--levels", \.levels),
            option("structure.interval", "--interval", \.interval),
            integer("structure.iterations", "--iterations", \.iterations),
            integer("structure.generations", "--generations", \.generations),
            integer("structure.offspring", "--offspring", \.offspring),
            option("structure.selection", "--selection", \.selection),
            integer("structure.granularity", "--granularity", \.granularity),
            flag("structure.uniform", "--uniform", \.isUniform),
            option("structure.for", "--for", \.engines),
            flag("structure.keep_supernet", "--keep-supernet", \.keepsSupernet),
            number("regional.alpha", "--alpha", \.alpha),
            integer("regional.rounds", "--rounds", \.rounds),
            integer("regional.round_samples", "--round-samples", \.roundSamples),
            number("regional.learning_rate", "--learning-rate", \.learningRate),
            flag("regional.gradient", "--no-regional-gradient", \.regionalGradient),
            flag("regional.optimizer", "--no-regional-optimizer", \.regionalOptimizer),
            option("device", "--device", \.device),
            option("dtype", "--dtype", \.dtype),
            option("stream_dtype", "--stream-dtype", \.streamDType),
            integer("threads", "--threads", \.threads),
            text("offload", "--offload", \.offload),
            option("memory", "--memory", \.memory),
            integer("batch_tokens", "--batch-tokens", \.batchTokens),
            list("targets", "--targets", \.targets),
            list("ignore", "--ignore", \.ignore),
        ]
    }

    private static func field<Value>(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, Value?>,
        read: @escaping (YAMLNode) throws(Fault) -> Value, write: @escaping (Value) -> WrittenValue
    ) -> RecipeField {
        RecipeField(
            key: key, flag: flag,
            read: { (node: YAMLNode, recipe: inout PruneRecipe) throws(Fault) in
                recipe[keyPath: path] = try read(node)
            },
            write: { $0[keyPath: path].map(write) },
            copy: { $1[keyPath: path] = $0[keyPath: path] },
            clear: { $0[keyPath: path] = nil })
    }

    private static func text(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, String?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.text() },
            write: { .scalar(RecipeWriter.quoted($0)) })
    }

    private static func list(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, [String]?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.texts() },
            write: { .list($0.map(RecipeWriter.quoted)) })
    }

    private static func flag(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, Bool?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.bool() },
            write: { .scalar($0 ? "true" : "false") })
    }

    private static func integer<Value: FixedWidthInteger>(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, Value?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.integer() },
            write: { .scalar("\($0)") })
    }

    private static func number(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, Double?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.number() },
            write: { .scalar("\($0)") })
    }

    private static func option<Value: OptionValue>(
        _ key: String, _ flag: String, _ path: WritableKeyPath<PruneRecipe, Value?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.option() },
            write: { .scalar(RecipeWriter.quoted($0.text)) })
    }
}
