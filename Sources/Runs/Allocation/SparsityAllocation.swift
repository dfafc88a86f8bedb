import Decoders
import JSONText
import Structure

/// The sparsity of attention and of the MLP of every layer, as an allocation gave it.
struct SparsityAllocation: Equatable {
    /// In the order of `SubLayer.all`; 0 leaves a sub-layer as it is.
    var fractions: [Double]

    /// - Parameter layers: the same sparsity for both sub-layers of each layer.
    init(layers: [Double]) { fractions = layers.flatMap { [$0, $0] } }

    init(fractions: [Double]) { self.fractions = fractions }

    func fraction(of linear: LinearName, layer: Int) -> Double {
        let isAttention = SubLayer.Kind.attention.projections.contains(linear.projection)
        return fractions[2 * layer + (isAttention ? 0 : 1)]
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
