import ArgumentParser
import Recipes
import Settings

/// Where the settings of a run come from besides its flags.
public struct RecipeFileOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Reads settings from a YAML file, whose paths are relative to its folder; flags override it.",
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    public var recipe: String?

    public init() {}
}

/// Settings that runs of every kind have, of which a recipe says them under the same keys.
protocol RunRecipe {
    var evaluation: [String]? { get set }
    var textField: String? { get set }
    var temperature: Double? { get set }
    var skippedLines: Int? { get set }
    var seed: UInt64? { get set }
    var outputDType: NumberFormat? { get set }
    var shardSize: ByteSize? { get set }
    var threads: Int? { get set }
    var device: DeviceChoice? { get set }
}

extension PruneRecipe: RunRecipe {}
extension RecoverRecipe: RunRecipe {}

/// How the text of a run is read.
public struct RunTextOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Reads only this key of the records: a text, or a list of messages (default: the usual forms).",
            valueName: "name"))
    public var textField: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Warns if the calibration text contains passages of this text or token file, on which the model will be "
                + "evaluated. May be given again.", valueName: "file"), completion: .texts)
    public var evaluation: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Sampling temperature of text that --calibration self writes (default: 1).", valueName: "t"))
    public var temperature: Double?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Skips at most this many invalid records of each .jsonl file, with a warning (default: 0).", valueName: "n")
    )
    public var skipBadLines: Int?

    @Option(name: .long, help: ArgumentHelp("Random seed (default: 0).", valueName: "n"))
    public var seed: UInt64?

    public init() {}

    func apply(to flags: inout some RunRecipe) {
        flags.textField = textField
        flags.evaluation = evaluation.isEmpty ? nil : evaluation
        flags.temperature = temperature
        flags.skippedLines = skipBadLines
        flags.seed = seed
    }
}

/// How the weights of a run are written.
public struct WrittenWeightsOptions: ParsableArguments {
    @Option(
        name: .long, help: "Data type of the written weights; auto keeps the source's (default: auto).",
        completion: .words(NumberFormat.self), transform: optionValue)
    public var outputDtype: NumberFormat?

    @Option(name: .long, help: "Maximum size of a weight file, such as 500MB (default: 5GB).", transform: optionValue)
    public var shardSize: ByteSize?

    public init() {}

    func apply(to flags: inout some RunRecipe) {
        flags.outputDType = outputDtype
        flags.shardSize = shardSize
    }
}

/// Where a run computes.
public struct RunDeviceOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Number of CPU threads (default: the processor's cores).", valueName: "n"))
    public var threads: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Device: auto, cpu, cuda or cuda:N; auto takes the first GPU if there is one (default: auto).",
            valueName: "device"), completion: .devices, transform: optionValue)
    public var device: DeviceChoice?

    public init() {}

    func apply(to flags: inout some RunRecipe) {
        flags.threads = threads
        flags.device = device
    }
}
