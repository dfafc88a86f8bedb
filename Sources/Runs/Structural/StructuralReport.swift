import Decoders
import JSONText
import Records
import Recipes

/// What a structural run tells beside its blocks.
public struct StructuralReport {
    /// By the source's numbers; in a plain model those without any units left are missing.
    public let layers: [LayerShape]
    /// Whether the layers that stay are alike, so that the folder is a plain model of its family.
    public var isPlain: Bool { numbering != nil }
    /// How layers are numbered in a plain model.
    let numbering: LayerNumbering?
    public let budget: Budget
    /// What counted before and after, in parameters, bytes or nanoseconds.
    public let before: Int
    public let after: Int
    /// Where the result opens, and where it would have with layers that are alike, or that differ.
    public let serving: ServingTable
    /// Widths of MLPs that no kernel is built for: they take as long as the next multiple of eight.
    public var misaligned: [Int] {
        Set(layers.map(\.intermediateSize)).filter { !$0.isMultiple(of: StructuralWidths.multiple) }.sorted()
    }
    /// Nanoseconds by shape, where the budget is latency.
    let latency: LatencyTable?

    public var achieved: Double { before > 0 ? 1 - Double(after) / Double(before) : 0 }

    init(
        files: BlockFiles, measure: BudgetMeasure, source: [LayerShape], engines: ServingEngines?
    ) {
        serving = ServingTable(files.configuration, isUniform: files.numbering != nil, engines: engines)
        layers = files.configuration.layers
        numbering = files.numbering
        budget = measure.budget
        before = measure.total(source) + measure.fixed
        after = measure.total(layers) + measure.fixed
        latency = measure.latency
    }

    var json: JSONValue {
        var object = JSONObject()
        object[.plain] = .bool(isPlain)
        object[.budget] = .report([
            .of: .string(budget.text), .before: .integer(before), .after: .integer(after),
        ])
        if let latency { object[.latency] = latency.json }
        object[.layers] = .array(layers.map(\.json))
        return .object(object)
    }
}

extension Budget {
    /// What a share of it is a share of.
    var phrase: String {
        switch self {
        case .parameters: "the blocks' parameters"
        case .bytes: "the model's bytes"
        case .keyValueCache: "the key-value cache"
        case .latency: "the blocks' measured latency"
        }
    }
}
