import Decoders

/// The layers of a plain model that lost some whole: those that stay, numbered anew.
struct LayerNumbering: Equatable {
    /// Numbers in the source, ascending.
    let kept: [Int]
    private let numbers: [Int: Int]

    /// - Returns: nil where the family's own configuration cannot say the shapes: layers that stay are not alike, or
    ///   lack
    ///   a sub-layer, or a layer's number means more than its place.
    init?(_ configuration: DecoderConfiguration) {
        let layers = configuration.layers
        kept = layers.indices.filter { layers[$0].hasAttention || layers[$0].hasMLP }
        guard let shape = kept.first.map({ layers[$0] }), shape.hasAttention, shape.hasMLP,
            kept.allSatisfy({ layers[$0] == shape })
        else { return nil }
        if kept.count < layers.count, Set(configuration.blueprint.layers).count > 1 { return nil }
        numbers = Dictionary(kept.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    /// A tensor's name in the published model.
    func name(_ name: String) -> String {
        let prefix = "model.layers."
        guard name.hasPrefix(prefix) else { return name }
        let rest = name.dropFirst(prefix.count)
        let digits = rest.prefix { $0 != "." }
        guard let number = Int(digits).flatMap({ numbers[$0] }) else { return name }
        return prefix + String(number) + rest.dropFirst(digits.count)
    }
}
