import Decoders
import JSONText

/// The sparsity of every linear, as an allocation gave it.
struct SparsityAllocation: Equatable {
    /// By layer, and there in the order of `LinearName`; 0 leaves a linear as it is.
    private var fractions: [Double]

    /// - Parameter layers: the same sparsity for all linears of each layer.
    init(layers: [Double]) { fractions = layers.flatMap { [Double](repeating: $0, count: LinearName.allCases.count) } }

    func fraction(of linear: LinearName, layer: Int) -> Double { fractions[place(linear, layer)] }

    mutating func set(_ fraction: Double, for linear: LinearName, layer: Int) {
        fractions[place(linear, layer)] = fraction
    }

    private func place(_ linear: LinearName, _ layer: Int) -> Int {
        LinearName.allCases.count * layer + (LinearName.allCases.firstIndex(of: linear) ?? 0)
    }

    /// The journal's line.
    var json: JSONValue {
        .object(["kind": .string("allocation"), "sparsity": .array(fractions.map(JSONValue.double))])
    }

    init?(json: JSONValue) {
        guard let object = json.objectValue, object["kind"]?.stringValue == "allocation",
            let values = object["sparsity"]?.arrayValue?.compactMap(\.doubleValue)
        else { return nil }
        fractions = values
    }
}
