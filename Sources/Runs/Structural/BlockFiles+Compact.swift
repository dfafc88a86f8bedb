import Checkpoints
import Decoders
import JSONText

extension BlockFiles {
    /// How layers are numbered in a plain model of fewer heads, neurons or layers; nil in any other.
    var numbering: LayerNumbering? { isCompact ? LayerNumbering(configuration) : nil }

    /// The source's configuration with the written number type; of a model with fewer heads and neurons, with its
    /// shapes: in the family's own keys where all layers are alike, else as a compact model.
    func configurationJSON(_ types: OutputTypes) -> JSONObject {
        let source = types.configuration
        guard isCompact else { return source }
        guard let numbering else {
            return CompactConfiguration.configuration(source, layers: configuration.layers)
        }
        let shape = configuration.layers[numbering.kept[0]]
        var edits = [
            ConfigurationEdit("num_attention_heads", value: .integer(shape.headCount)),
            ConfigurationEdit("num_key_value_heads", value: .integer(shape.keyValueHeadCount)),
            ConfigurationEdit("intermediate_size", value: .integer(shape.intermediateSize)),
            // Without it readers would divide the hidden size by the heads that are left.
            ConfigurationEdit("head_dim", value: .integer(configuration.headDimension)),
        ]
        if numbering.kept.count < configuration.layerCount {
            edits.append(ConfigurationEdit("num_hidden_layers", value: .integer(numbering.kept.count)))
            if let types = source["layer_types"]?.arrayValue, types.count == configuration.layerCount {
                edits.append(ConfigurationEdit("layer_types", value: .array(numbering.kept.map { types[$0] })))
            }
        }
        if !PlainFamily.opens(configuration.family, hidden: configuration.hiddenSize, heads: shape.headCount),
            PlainFamily.hasOtherName(configuration)
        {
            edits += PlainFamily.edits
        }
        return source.edited(edits)
    }
}
