import JSONText
import Recipes
import Records

/// What a finished run has to tell.
public struct RunResult {
    public let output: String
    public let method: String
    public let preset: String
    public let pattern: String
    /// Channels among which some changed places; nil where none did.
    public let channelMoves: ChannelMoves?
    public let asked: Double
    /// Fraction of zeros in the linears that were to be pruned, as written; of whole units, of what the budget counts.
    public let achieved: Double
    public let parametersBefore: Int
    /// Parameters that are not removed.
    public let parametersAfter: Int
    public let blocks: [BlockReport]
    public let linears: [String]
    /// Of a GGUF source's matrices.
    public let sourceTypes: String?
    public let manifest: JSONObject?
    /// A search's KL to the dense model after each of its steps.
    public let search: [(step: String, kl: Double)]
    /// What stays of every layer where whole units went.
    public let structure: StructuralReport?
    /// What the run might hold where there was a choice: `RunContext.memoryLimitBytes`.
    public let memoryLimitBytes: Int
    public var seconds = 0.0
    public var peakMemoryBytes = 0
    /// The most that tensors took on the GPU; nil without one.
    public var peakDeviceMemoryBytes: Int?

    init(
        context: PruneContext, blocks: [BlockReport], steps: [DistributionSearch.Step] = [],
        structure: StructuralReport? = nil, hasMoved: Bool = false
    ) {
        search = steps.map { ($0.kind, $0.fitness) }
        self.structure = structure
        let removed = blocks.reduce(0) { $0 + $1.removed }
        let weights = blocks.reduce(0) { $0 + $1.weights }
        output = context.settings.output ?? ""
        method = context.settings.method.name
        preset = context.settings.preset.text
        pattern = context.settings.pattern.text
        channelMoves = hasMoved ? context.settings.channelMoves : nil
        asked = context.settings.sparsity.fraction
        achieved = structure?.achieved ?? (weights > 0 ? Double(removed) / Double(weights) : 0)
        parametersBefore = context.decoder.expectedTensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        parametersAfter = parametersBefore - removed
        self.blocks = blocks
        linears = context.targets.weightNames(in: structure?.layers)
            .map { structure?.numbering?.name($0) ?? $0 }
        sourceTypes = context.decoder.checkpoint.types?.name
        manifest = context.calibration?.manifest
        memoryLimitBytes = context.run.memoryLimitBytes
    }

    /// Linears of which a search asked for no zeros.
    public var denseLinears: Int {
        blocks.reduce(0) { sum, block in sum + block.asked.count { $0.fraction == 0 } }
    }

    /// What stands beside the published weights.
    ///
    /// - Parameter recipe: the text of `recipe.yaml`.
    func documents(_ context: RunContext, recipe: String) -> [(name: String, bytes: [UInt8])] {
        [
            (PublishedFile.recipe, Array(recipe.utf8)),
            (PublishedFile.card, Array(card(context, recipe: recipe).utf8)),
            (PublishedFile.report, Array((report.text() + "\n").utf8)),
        ]
    }

    /// The README.md of the published folder.
    func card(_ context: RunContext, recipe: String) -> String {
        // Who reads a card has other folders, and the names of ours are nobody's business.
        let shown = (try? PruneRecipe(yaml: recipe))?.namingFilesAlone().yaml() ?? recipe
        return ModelCard.text(self, source: SourceCard(context.decoder.checkpoint), recipe: shown)
    }

    /// The document that `prune --json` prints.
    public var json: JSONValue {
        var object = head
        object[.blocks] = .array(blocks.map { $0.json(timed: true) })
        if let structure { object[.opensIn] = structure.serving.json }
        object[.seconds] = .double(seconds)
        object[.memoryLimitBytes] = .integer(memoryLimitBytes)
        object[.peakMemoryBytes] = .integer(peakMemoryBytes)
        if let bytes = peakDeviceMemoryBytes { object[.peakDeviceMemoryBytes] = .integer(bytes) }
        return .object(object)
    }

    /// `report.json` of the published folder: the same without what differs between two runs of one recipe (time,
    /// memory and its limit, the output's own name), so that such runs give the same bytes.
    var report: JSONValue {
        var object = head
        object[.output] = nil
        object[.blocks] = .array(blocks.map { $0.json(timed: false) })
        object[.linears] = .array(linears.map(JSONValue.string))
        if let manifest { object[.calibration] = .object(manifest) }
        return .object(object)
    }

    private var head: JSONObject {
        var object = JSONObject()
        object[.output] = .string(output)
        object[.method] = .string(method)
        object[.preset] = .string(preset)
        object[.pattern] = .string(pattern)
        object[.sparsity] = .report([.asked: .double(asked), .achieved: .double(achieved)])
        if let channelMoves { object[.permute] = .string(channelMoves.text) }
        if let structure { object[.structure] = structure.json }
        if !search.isEmpty {
            object[.search] = .array(search.map { .report([.step: .string($0.step), .kl: .double($0.kl)]) })
        }
        if let sourceTypes { object[.sourceTypes] = .string(sourceTypes) }
        object[.parameters] = .report([
            .before: .integer(parametersBefore), .after: .integer(parametersAfter),
        ])
        return object
    }
}
