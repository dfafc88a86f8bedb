import Faults
import Files
import Gate
import JSONText
import Recipes
import Records

/// What a published folder tells about its run: `report.json` with, where they are there, `recipe.yaml`, `results.json`
/// (`evaluate --output`), `benchmark.json` (`benchmark --output`), `gate.json` (`gate --output`), `export.json` or
/// `export-NAME.json` (`export --results`), and `recovery.json` with `recovery-cost.json` (`recover --results`).
public struct PublishedRun {
    public struct Block: Equatable, Sendable {
        public var errorBefore: Double?
        public var errorAfter: Double?
        /// Fraction removed by linear.
        public var sparsity: [(linear: String, value: Double)]
        /// Error of the linears' outputs, of those that have one.
        public var linearErrors: [(linear: String, value: Double)]

        public static func == (left: Block, right: Block) -> Bool {
            left.errorAfter == right.errorAfter && left.sparsity.map(\.value) == right.sparsity.map(\.value)
                && left.linearErrors.map(\.value) == right.linearErrors.map(\.value)
        }
    }

    /// A text or a log of prompts that the model was evaluated on.
    public struct Text: Equatable, Sendable {
        public var name: String
        public var perplexity: Double?
        public var densePerplexity: Double?
        /// Scored ones.
        public var tokens: Int?
        /// Of a window; nil for a log of prompts.
        public var context: Int?
        /// Digest of the token ids.
        public var digest: String?
        /// In nats.
        public var kl: Double?
        public var topAgreement: Double?

        /// Pruned over dense.
        public var ratio: Double? {
            guard let perplexity, let densePerplexity, densePerplexity > 0 else { return nil }
            return perplexity / densePerplexity
        }

        /// What two results must share for their perplexities to be of the same thing.
        public struct Identity: Equatable, Sendable {
            public var name: String
            public var context: Int?
            public var digest: String?
        }

        public var identity: Identity { Identity(name: name, context: context, digest: digest) }
    }

    /// A key of the recipe other than the seed, the calibration texts and the output's place, with its value.
    public typealias Choice = PruneRecipe.Entry

    public struct Task: Equatable, Sendable {
        public var name: String
        /// acc_norm where the task has it, else acc.
        public var metric: String
        public var value: Double
        public var standardError: Double?
        /// Those that were answered, where the results say it.
        public var items: Int?
    }

    /// In this program's own engine, which is not the one that serves the model, or on a server.
    public struct Speed: Equatable, Sendable {
        /// What the server calls itself; nil for this program's own engine.
        public var server: String?
        public var prompt: Int
        public var batch: Int
        /// New tokens per second of the dense model, and how many times as fast the pruned one is.
        public var denseTokensPerSecond: Double?
        public var decode: SpeedRatio
        public var firstToken: SpeedRatio
    }

    public struct Sample: Equatable, Sendable {
        public var prompt: String
        public var dense: String
        public var pruned: String
        /// How far the predictions are apart there, where it was measured, in nats.
        public var kl: Double?
    }

    public var folder: String
    /// Of its `report.json`, which a recovered run copies from the pruned one.
    var reportDigest: String?
    /// The folder's last part.
    public var name: String
    public var method: String
    public var pattern: String
    public var asked: Double
    public var achieved: Double
    public var parametersBefore: Int
    public var parametersAfter: Int
    public var blocks: [Block]
    public var search: [(step: String, kl: Double)]
    /// Of the calibration text; empty where none was looked at.
    public var calibration: JSONObject?
    public var recipe: String?
    /// What the recipe says besides the seed and the texts; nil without a recipe that can be read.
    public var choices: [Choice]?
    /// The model that was pruned: a path as the recipe, or whoever measured, gives it.
    public var source: String?
    /// Whether heads and neurons were removed, and not weights made zero.
    public var removesUnits: Bool
    /// What the share removed is a share of, as the report names it; nil where weights were made zero.
    public var budget: String?
    /// Widths of MLPs that are no multiple of eight, for which no kernel is built; of a run that removed units.
    public var misalignedWidths: [Int]
    /// When the folder was written, and when it was evaluated: seconds since 1970.
    public var writtenAt: Double?
    public var evaluatedAt: Double?
    public var measuredAt: Double?
    public var texts: [Text] = []
    public var tasks: [Task] = []
    /// The dense model's, where it was evaluated in the same run.
    public var denseTasks: [Task] = []
    /// Those whose figures a group of them sums up.
    var tasksInGroups: Set<String> = []
    public var samples: [Sample] = []
    public var speeds: [Speed] = []
    /// Bytes of the weight files over the dense model's.
    public var sizeRatio: Double?
    /// Of the weight files.
    public var bytes: Int?
    public var denseBytes: Int?
    /// Where the quality was measured, and where the speed.
    public var environment: JSONObject?
    public var speedEnvironment: JSONObject?
    /// The training after pruning; nil for a run without.
    public var recovery: PublishedRecovery?
    /// What a gate decided about the run.
    public var gate: GateVerdict?
    /// Files that were exported from the folder.
    public var exports: [ExportedFile] = []

    /// The method, and whether it was trained afterwards.
    var title: String { recovery == nil ? method : method + ", recovered" }

    /// The text on which most is known: the first with a divergence, else the first.
    public var text: Text? { texts.first { $0.ratio != nil } ?? texts.first }
    public var parametersLeft: Double {
        parametersBefore > 0 ? Double(parametersAfter) / Double(parametersBefore) : 1
    }
    /// The measurement that counts most for what a server costs: the largest batch, of these the longest prompt.
    public var speed: Speed? { speeds.max { ($0.batch, $0.prompt) < ($1.batch, $1.prompt) } }
    public var seed: Int?
    public var sources: [String] { sourceTexts.map(\.file) }

    /// A calibration text: two of one name can differ.
    struct Source: Equatable {
        var file: String
        var digest: String?
        var weight: Double?
    }

    /// By name.
    var sourceTexts: [Source] {
        (calibration?[.sources]?.arrayValue ?? []).compactMap { source in
            guard let object = source.objectValue, let file = object[.file]?.stringValue else { return nil }
            return Source(file: file, digest: object[.digest]?.stringValue, weight: object[.weight]?.doubleValue)
        }.sorted { $0.file < $1.file }
    }

    /// Where a gate's verdict is looked for.
    static let gateFile = "gate.json"

    /// - Throws: `missingInput` without a `report.json`, `badData` for an invalid one.
    public init(folder: String) throws(Fault) {
        self.folder = folder
        name = FileSystem.last(folder)
        guard let report = try PublishedFiles.document(folder + "/" + PublishedFile.report) else {
            throw Fault(
                .missingInput, "the folder holds no \(PublishedFile.report)", file: folder,
                expected: "the output of `espalier prune`")
        }
        func fault(_ key: String) -> Fault {
            Fault(.badData, "the report lacks a key", file: folder + "/" + PublishedFile.report, expected: key)
        }
        reportDigest = try InputFile(folder + "/" + PublishedFile.report).digest()
        guard let method = report[.method]?.stringValue else { throw fault(ReportKey.method.rawValue) }
        guard let sparsity = report[.sparsity]?.objectValue, let asked = sparsity[.asked]?.doubleValue,
            let achieved = sparsity[.achieved]?.doubleValue
        else { throw fault("sparsity: asked, achieved") }
        guard let parameters = report[.parameters]?.objectValue, let before = parameters[.before]?.integerValue,
            let after = parameters[.after]?.integerValue
        else { throw fault("parameters: before, after") }
        self.method = report[.preset]?.stringValue == "paper" ? method + " (paper)" : method
        pattern = report[.pattern]?.stringValue ?? ""
        (self.asked, self.achieved) = (asked, achieved)
        (parametersBefore, parametersAfter) = (before, after)
        removesUnits = report[.structure]?.objectValue != nil || pattern == "structured"
        budget = report[.structure]?.objectValue?[.budget]?.objectValue?[.of]?.stringValue
        let layers = report[.structure]?.objectValue?[.layers]?.arrayValue ?? []
        let widths = layers.compactMap { $0.objectValue?["intermediate_size"]?.integerValue }
        misalignedWidths = Set(widths.filter { !$0.isMultiple(of: StructuralWidths.multiple) }).sorted()
        writtenAt = FileSystem.modified(folder + "/" + PublishedFile.report)
        blocks = (report[.blocks]?.arrayValue ?? []).map { block in
            let object = block.objectValue
            func byLinear(_ key: ReportKey) -> [(linear: String, value: Double)] {
                (object?[key]?.objectValue?.members ?? []).map { ($0.key, $0.value.doubleValue ?? .nan) }
            }
            return Block(
                errorBefore: object?[.errorBefore]?.doubleValue, errorAfter: object?[.errorAfter]?.doubleValue,
                sparsity: byLinear(.sparsity), linearErrors: byLinear(.linearErrors))
        }
        search = (report[.search]?.arrayValue ?? []).compactMap { step in
            guard let name = step.objectValue?[.step]?.stringValue, let kl = step.objectValue?[.kl]?.doubleValue
            else { return nil }
            return (name, kl)
        }
        calibration = report[.calibration]?.objectValue
        recipe = try PublishedFiles.bytes(folder + "/" + PublishedFile.recipe).map {
            String(decoding: $0, as: UTF8.self)
        }
        readRecipe()
        bytes = PublishedFiles.weightBytes(folder)
        if let results = try PublishedFiles.document(folder + "/results.json") { read(results: results) }
        if let benchmark = try PublishedFiles.document(folder + "/benchmark.json") {
            read(benchmark: benchmark)
            measuredAt = FileSystem.modified(folder + "/benchmark.json")
        }
        let gate = folder + "/" + PublishedRun.gateFile
        if let verdict = try PublishedFiles.document(gate) { self.gate = try GateVerdict(verdict, file: gate) }
        recovery = try PublishedRecovery(folder: folder)
        exports = try ExportedFile.all(in: folder)
        try checkCounts()
    }

    /// A recipe that cannot be read is shown as it is, and says nothing about what the run shares with others.
    private mutating func readRecipe() {
        seed = calibration?[.seed]?.integerValue
        guard let recipe, let read = try? PruneRecipe(yaml: recipe) else { return }
        let apart = ["seed", "calibration.sources", "output.path", "output.overwrite"]
        choices = read.entries.filter { !apart.contains($0.key) }
        seed = read.seed.flatMap { Int(exactly: $0) } ?? seed
        source = read.model
    }

    /// More of anything than a page can show.
    static let most = 10_000

    private func checkCounts() throws(Fault) {
        let counts: [(String, Int)] = [
            ("blocks", blocks.count), ("steps of the search", search.count), ("texts", texts.count),
            ("tasks", max(tasks.count, denseTasks.count)), ("samples", samples.count), ("speeds", speeds.count),
            ("checks of the gate", gate?.checks.count ?? 0), ("exported files", exports.count),
            ("texts of an exported file", exports.map(\.texts.count).max() ?? 0),
            ("linears of a layer", blocks.map { max($0.sparsity.count, $0.linearErrors.count) }.max() ?? 0),
        ]
        guard let (name, count) = counts.first(where: { $0.1 > PublishedRun.most }) else { return }
        throw Fault(
            .badData, "there are more \(name) than a page can show", file: folder, found: "\(count)",
            expected: "at most \(PublishedRun.most)")
    }
}
