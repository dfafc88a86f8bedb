import Checkpoints
import Decoders
import Faults
import JSONText
import Recipes
import Records

/// The `config.json` of an exported folder.
struct FolderConfiguration {
    let layout: ServingLayout
    let layers: FolderLayers
    /// The model's.
    let configuration: DecoderConfiguration
    /// The model's `config.json`, with the number type as written.
    let source: JSONObject

    /// Class names in transformers, and where it has them.
    static let families: [String: (prefix: String, configuration: String, module: String)] = [
        "llama": ("Llama", "LlamaConfig", "llama"), "mistral": ("Mistral", "MistralConfig", "mistral"),
        "qwen2": ("Qwen2", "Qwen2Config", "qwen2"), "qwen3": ("Qwen3", "Qwen3Config", "qwen3"),
        "gemma3_text": ("Gemma3", "Gemma3TextConfig", "gemma3"),
    ]

    /// Whether the widths of a "deci" folder are said by factors, which more software reads than exact numbers.
    var usesFactors: Bool { FolderConfiguration.usesFactors(layers.layers.map(\.shape)) }

    static func usesFactors(_ shapes: [LayerShape]) -> Bool {
        shapes.allSatisfy { $0.intermediateSize.isMultiple(of: DeciWidth.multiple) }
    }

    /// The document, every key of the source that still holds in its place.
    var json: JSONObject {
        var json = source
        for key in ["espalier", "block_configs", "auto_map", "_name_or_path"] { json[key] = nil }
        let count = layers.layers.count
        if let types = source["layer_types"]?.arrayValue, types.count == configuration.layerCount {
            json["layer_types"] = .array(layers.layers.map { types[$0.source] })
        }
        json["num_hidden_layers"] = .integer(count)
        json["head_dim"] = .integer(configuration.headDimension)
        json["tie_word_embeddings"] = .bool(configuration.tiesWordEmbeddings)
        switch layout {
        case .deci: addDeci(to: &json)
        case .transformers: addTransformers(to: &json)
        case .plain, .gguf, .padded: addPadded(to: &json)
        }
        return json
    }

    private func addPadded(to json: inout JSONObject) {
        let family = configuration.family.name
        json["model_type"] = .string(family)
        json["architectures"] = .array([
            .string((FolderConfiguration.families[family]?.prefix ?? "") + "ForCausalLM")
        ])
        add(layers.configuration(configuration).widest, to: &json)
    }

    private func add(_ shape: LayerShape, to json: inout JSONObject) {
        json["num_attention_heads"] = .integer(shape.headCount)
        json["num_key_value_heads"] = .integer(shape.keyValueHeadCount)
        json["intermediate_size"] = .integer(shape.intermediateSize)
    }

    private func addTransformers(to json: inout JSONObject) {
        json = CompactConfiguration.configuration(json, layers: layers.layers.map(\.shape))
        if var own = json["espalier"]?.objectValue {
            own["base_model_type"] = .string(configuration.family.name)
            json["espalier"] = .object(own)
        }
        let file = FolderCode.module(PublishedFile.configurationCode)
        let model = FolderCode.module(PublishedFile.modelCode)
        json["auto_map"] = .object([
            "AutoConfig": .string(file + ".EspalierConfig"), "AutoModel": .string(model + ".EspalierModel"),
            "AutoModelForCausalLM": .string(model + ".EspalierForCausalLM"),
        ])
    }

    /// What its readers take for granted is said, since each has other defaults, under the names that all of them know.
    private func addDeci(to json: inout JSONObject) {
        json["model_type"] = .string("nemotron-nas")
        json["architectures"] = .array([.string("DeciLMForCausalLM")])
        let shapes = layers.layers.map(\.shape)
        add(
            LayerShape(
                headCount: layers.headCount, keyValueHeadCount: shapes.map(\.keyValueHeadCount).max() ?? 1,
                intermediateSize: max(1, shapes.map(\.intermediateSize).max() ?? 1)), to: &json)
        json["rms_norm_eps"] = .double(configuration.normEpsilon)
        json["max_position_embeddings"] = .integer(configuration.contextLength)
        json["hidden_act"] = .string("silu")
        for key in ["attention_bias", "mlp_bias"] { json[key] = .bool(false) }
        json["rope_theta"] = .double(configuration.blueprint.layers[0].attention.rotary.theta)
        json["rope_scaling"] = scaling
        json["rope_parameters"] = nil
        json["block_configs"] = .array(shapes.map(block))
        json["auto_map"] = .object([
            "AutoConfig": .string(FolderCode.module(PublishedFile.deciCode) + ".DeciConfig")
        ])
    }

    /// The scaling of the rotary embedding under its old name, with the new name of its type.
    private var scaling: JSONValue {
        guard configuration.blueprint.layers[0].attention.rotary.scaling != .none else { return .null }
        // The old name counts as a whole where both are there.
        let old = source["rope_scaling"]?.objectValue.flatMap { $0.isEmpty ? nil : $0 }
        guard var object = old ?? source["rope_parameters"]?.objectValue else { return .null }
        if object["rope_type"] == nil { object["rope_type"] = object["type"] }
        for key in ["type", "rope_theta"] { object[key] = nil }
        return .object(object)
    }

    private func block(_ shape: LayerShape) -> JSONValue {
        let group = shape.hasAttention ? shape.headCount / shape.keyValueHeadCount : nil
        let attention = JSONValue.object([
            "no_op": .bool(!shape.hasAttention), "replace_with_linear": .bool(false),
            "n_heads_in_group": group.map { .integer($0) } ?? .null,
        ])
        var mlp = JSONObject([("no_op", .bool(!shape.hasMLP)), ("replace_with_linear", .bool(false))])
        let hidden = configuration.hiddenSize
        if usesFactors {
            mlp["ffn_mult"] =
                shape.hasMLP ? .double(DeciWidth.factor(width: shape.intermediateSize, hidden: hidden)) : .null
        } else {
            mlp["intermediate_size"] = shape.hasMLP ? .integer(shape.intermediateSize) : .null
        }
        return .object(["attention": attention, "ffn": .object(mlp)])
    }

    /// Reads the document as this program would, and compares it with what is meant.
    ///
    /// - Throws: `badData` for a model that the layout's keys would describe as another one.
    func check(_ json: JSONObject, file: String) throws(Fault) {
        var notes: [String] = []
        let read = try DecoderConfiguration(
            ExportedConfiguration.plain(json, file: file), file: file, notes: &notes)
        let meant = layers.configuration(configuration)
        guard read != meant else { return }
        let what =
            read.layers != meant.layers
            ? "shapes" : read.blueprint != meant.blueprint ? "rotary embedding, windows or activation" : "sizes"
        throw Fault(
            .badData, "the layout \(layout.text) cannot say what this model computes", file: file,
            found: "other \(what) when it is read again", expected: "the model's own",
            advice: "export with --to transformers or --to padded")
    }
}
