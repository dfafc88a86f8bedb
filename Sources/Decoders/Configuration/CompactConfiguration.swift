import Checkpoints
import Faults
import JSONText

/// The part of `config.json` that tells the shapes of a model whose layers differ:
///
///     "model_type": "espalier",
///     "espalier": {"version": 1, "base_model_type": "llama",
///                  "layers": [{"num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1024}, …]}
///
/// All other keys are those of the model that it was made from.
public struct CompactConfiguration {
    public static let modelType = "espalier"
    public static let architecture = "EspalierForCausalLM"
    static let version = 1

    public var family: Family
    public var layers: [LayerShape]

    /// Nil for a plain model.
    ///
    /// - Throws: `Fault` of kind `badData` naming the key.
    public init?(_ json: JSONObject, file: String) throws(Fault) {
        let outer = ConfigurationReader(json, file: file)
        guard outer.text("model_type") == CompactConfiguration.modelType else { return nil }
        let reader = ConfigurationReader(try outer.object("espalier"), file: file, prefix: "espalier.")
        let version = try reader.natural("version")
        guard version == CompactConfiguration.version else {
            throw reader.fault(
                "version", found: "\(version)", expected: "\(CompactConfiguration.version)",
                advice: "open the model with the version of espalier that wrote it")
        }
        family = try reader.family("base_model_type")
        layers = []
        for object in try reader.objects("layers") {
            let prefix = "espalier.layers[\(layers.count)]."
            let reader = ConfigurationReader(object, file: file, prefix: prefix)
            let shape = LayerShape(
                headCount: try reader.natural("num_attention_heads"),
                keyValueHeadCount: try reader.natural("num_key_value_heads"),
                intermediateSize: try reader.natural("intermediate_size"))
            let isWhole =
                shape.keyValueHeadCount == 0
                ? shape.headCount == 0 : shape.headCount > 0 && shape.headCount % shape.keyValueHeadCount == 0
            guard isWhole else {
                throw reader.fault(
                    "num_key_value_heads",
                    found: "\(shape.keyValueHeadCount) with \(shape.headCount) attention heads",
                    expected: "a divisor of num_attention_heads, or 0 for both")
            }
            layers.append(shape)
        }
    }

    /// `source` with the shapes of a model that was made from it: its own keys stay as they are.
    public static func configuration(_ source: JSONObject, layers: [LayerShape]) -> JSONObject {
        var json = source
        let inner = source["espalier"]?.objectValue
        let base = inner?["base_model_type"] ?? source["model_type"] ?? .null
        json["model_type"] = .string(modelType)
        json["architectures"] = .array([.string(architecture)])
        json["espalier"] = .object([
            "version": .integer(version), "base_model_type": base,
            "layers": .array(layers.map(\.json)),
        ])
        return json
    }
}
