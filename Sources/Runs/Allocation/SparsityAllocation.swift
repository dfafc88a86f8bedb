import Decoders
import JSONText

/// The sparsity of every linear, as an allocation gave it.
struct SparsityAllocation: Equatable {
    /// By layer, and there in the order of the blueprint's linears; 0 leaves a linear as it is.
    private var fractions: [[(linear: LinearName, fraction: Double)]]

    static func == (a: SparsityAllocation, b: SparsityAllocation) -> Bool {
        a.fractions.elementsEqual(b.fractions) { $0.elementsEqual($1, by: ==) }
    }

    /// - Parameter layers: the same sparsity for all linears of each layer.
    init(layers: [Double], configuration: DecoderConfiguration) {
        fractions = zip(layers, configuration.blueprint.layers).map { fraction, blueprint in
            blueprint.linears.map { ($0, fraction) }
        }
    }

    /// 0 for a linear that the layer does not have.
    func fraction(of linear: LinearName, layer: Int) -> Double {
        fractions[layer].first { $0.linear == linear }?.fraction ?? 0
    }

    mutating func set(_ fraction: Double, for linear: LinearName, layer: Int) {
        guard let place = fractions[layer].firstIndex(where: { $0.linear == linear }) else { return }
        fractions[layer][place].fraction = fraction
    }

    /// The journal's line.
    var json: JSONValue {
        .object([
            "kind": .string("allocation"), "sparsity": .array(fractions.joined().map { .double($0.fraction) }),
        ])
    }

    /// Nil where the line is invalid, or one of another model.
    init?(json: JSONValue, configuration: DecoderConfiguration) {
        guard let object = json.objectValue, object["kind"]?.stringValue == "allocation",
            let values = object["sparsity"]?.arrayValue?.compactMap(\.doubleValue),
            values.count == configuration.blueprint.layers.reduce(0, { $0 + $1.linears.count })
        else { return nil }
        var rest = values[...]
        fractions = configuration.blueprint.layers.map { blueprint in
            defer { rest = rest.dropFirst(blueprint.linears.count) }
            return zip(blueprint.linears, rest).map { ($0, $1) }
        }
    }
}
