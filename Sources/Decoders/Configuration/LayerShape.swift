import JSONText

/// What structural pruning changes from layer to layer.
///
/// Zero heads are no attention sub-layer, a width of zero is no MLP: the residual passes it unchanged, and its norm and
/// projections are not in the checkpoint.
public struct LayerShape: Hashable, Sendable {
    public var headCount: Int
    public var keyValueHeadCount: Int
    public var intermediateSize: Int

    public init(headCount: Int, keyValueHeadCount: Int, intermediateSize: Int) {
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.intermediateSize = intermediateSize
    }

    /// Nil for what `json` does not write.
    public init?(json: JSONValue) {
        guard let object = json.objectValue, let heads = object["num_attention_heads"]?.integerValue,
            let groups = object["num_key_value_heads"]?.integerValue,
            let width = object["intermediate_size"]?.integerValue
        else { return nil }
        self.init(headCount: heads, keyValueHeadCount: groups, intermediateSize: width)
    }

    /// As `config.json` and reports say it.
    public var json: JSONValue {
        .object([
            "num_attention_heads": .integer(headCount), "num_key_value_heads": .integer(keyValueHeadCount),
            "intermediate_size": .integer(intermediateSize),
        ])
    }

    public var hasAttention: Bool { headCount > 0 }
    public var hasMLP: Bool { intermediateSize > 0 }

    public func has(_ linear: LinearName) -> Bool { linear.isAttention ? hasAttention : hasMLP }

    public func has(_ place: Norm.Place) -> Bool { place.isAttention ? hasAttention : hasMLP }
}
