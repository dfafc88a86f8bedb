import Checkpoints
import Decoders
import JSONText

extension BlockFiles {
    /// Whether the family's own configuration can say what is written: all layers alike, with both sub-layers.
    var isPlain: Bool {
        let shape = configuration.layers[0]
        return configuration.isUniform && shape.hasAttention && shape.hasMLP
    }

    /// The source's configuration with the written number type; of a model with fewer heads and neurons, with its shapes:
    /// in the family's own keys where all layers are alike, else as a compact model.
    func configurationJSON(_ types: OutputTypes) -> JSONObject {
        let source = types.configuration
        guard isCompact else { return source }
        let shape = configuration.layers[0]
        guard isPlain else {
            return CompactConfiguration.configuration(source, layers: configuration.layers)
        }
        return source.edited([
            ConfigurationEdit("num_attention_heads", value: .integer(shape.headCount)),
            ConfigurationEdit("num_key_value_heads", value: .integer(shape.keyValueHeadCount)),
            ConfigurationEdit("intermediate_size", value: .integer(shape.intermediateSize)),
            // Without it readers would divide the hidden size by the heads that are left.
            ConfigurationEdit("head_dim", value: .integer(configuration.headDimension)),
        ])
    }
}
