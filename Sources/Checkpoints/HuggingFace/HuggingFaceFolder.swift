import Faults
import Files
import JSONText
import Records

/// A folder with `config.json` and safetensors.
enum HuggingFaceFolder {
    static let embeddingName = "model.embed_tokens.weight"
    static let headName = "lm_head.weight"

    /// Whether a family's output matrix is its embedding where the configuration does not say. A model whose layers
    /// differ is of the family that it was made from.
    private static func tiesByDefault(_ configuration: JSONObject) -> Bool {
        let base = configuration["espalier"]?.objectValue?["base_model_type"]?.stringValue
        return (base ?? configuration["model_type"]?.stringValue) == "gemma3_text"
    }

    static func open(_ folder: String, orDescribed description: Checkpoint.Description?) throws(Fault) -> Checkpoint {
        let names = try FileSystem.names(in: folder)
        let configurationPath = FileSystem.joined(folder, "config.json")
        guard names.contains("config.json") else { throw ForeignFolder.fault(names, folder: folder) }
        // What is not a number matters only in the keys that are read, and their readers refuse it there.
        var configuration = try JSONFile.object(try SafePath.checked(folder, "config.json"), acceptsNonFinite: true)
        var warnings = try check(configuration, configurationPath, names)
        if let fault = AdapterFolder.fault(names, folder: folder) { throw fault }
        configuration = try ExportedConfiguration.plain(configuration, file: configurationPath)
        let reader = ConfigurationReader(configuration, file: configurationPath)
        var tied = try reader.optionalFlag("tie_word_embeddings") ?? tiesByDefault(configuration)
        if let description, MissingWeights.areMissing(names) {
            let type = try MissingWeights.type(reader)
            let files = try SideFiles(folder, names, weights: [])
            return Checkpoint(
                path: folder, format: .huggingFace, configuration: configuration,
                tensors: try description(configuration, configurationPath).map { (name, shape) throws(Fault) in
                    try TensorDescription(told: name, shape: shape, type: type, file: configurationPath)
                },
                weightType: type, isQuantised: false, tiesWordEmbeddings: tied, warnings: warnings,
                sideFiles: files.copied, card: card(folder, names), weightFiles: [],
                source: MissingWeights(folder: folder), filesLeft: files.left)
        }
        var weights = try HuggingFaceWeights(folder, names, warnings: &warnings)
        let stored = weights.tensors
        if let fault = AdapterFolder.fault(stored, folder: folder) { throw fault }
        if let fault = QuantisedWeights.fault(stored, files: names, folder: folder) { throw fault }
        let canonical = try TensorNames(stored.map(\.name), folder: folder)
        if let note = canonical.note {
            warnings.append("\(folder): \(note)")
            weights.rename(canonical.names)
        }
        var tensors = weights.tensors
        if tied {
            tied = try tie(&weights, folder, &warnings)
            tensors = tied ? weights.tensors.filter { $0.name != headName } : weights.tensors
            // What is published says so, too.
            if !tied { configuration["tie_word_embeddings"] = .bool(false) }
        }
        let weightFiles = weights.files.map { (name: FileSystem.last($0.path), bytes: $0.size) }
        let files = try SideFiles(folder, names, weights: weightFiles.map(\.name))
        return Checkpoint(
            path: folder, format: .huggingFace, configuration: configuration, tensors: tensors,
            weightType: weightType(tensors), isQuantised: false, tiesWordEmbeddings: tied, warnings: warnings,
            sideFiles: files.copied, card: card(folder, names), weightFiles: weightFiles, source: weights,
            filesLeft: files.left,
            diagnosis: WeightDiagnosis(
                folder: folder, files: names, read: weightFiles.map(\.name), stored: weights.tensors,
                promised: weights.promised, isTied: tied))
    }

    /// Makes one matrix of head and embedding where the configuration ties them, whichever of the two is stored.
    ///
    /// - Returns: false when both are stored and differ: they are then two matrices, as for transformers 5.
    private static func tie(
        _ weights: inout HuggingFaceWeights, _ folder: String, _ warnings: inout [String]
    ) throws(Fault) -> Bool {
        guard let head = weights.tensors.first(where: { $0.name == headName }) else { return true }
        guard let embedding = weights.tensors.first(where: { $0.name == embeddingName }) else {
            weights.rename(weights.tensors.map { $0.name == headName ? embeddingName : $0.name })
            return true
        }
        if try weights.equal(head, embedding) { return true }
        warnings.append(
            "\(folder): lm_head.weight differs from the embedding, though config.json ties them; both are used, as in "
                + "transformers 5, while other software may leave out lm_head.weight")
        return false
    }

    /// Refuses what cannot be read, warns about what is ignored.
    private static func check(
        _ configuration: JSONObject, _ path: String, _ names: [String]
    ) throws(Fault) -> [String] {
        let reader = ConfigurationReader(configuration, file: path)
        _ = try reader.requiredText("model_type")
        for key in ["quantization_config", "compression_config"] {
            if let value = configuration[key], !value.isNull {
                let method = value.objectValue?["quant_method"]?.stringValue
                throw Fault(
                    .badData, "this checkpoint is quantized already", file: path, place: key,
                    found: method.map { "quant_method \($0)" } ?? value.kindName,
                    expected: "plain floating-point weights",
                    advice: "start from the original model")
            }
        }
        // MLX writes its own key, and the packed weights under the names of the plain ones.
        if let value = configuration["quantization"]?.objectValue, value["bits"] != nil || value["group_size"] != nil {
            throw QuantisedWeights.fault(
                "MLX", "config.json, key 'quantization'",
                found: value["bits"].map { "bits: \($0.text())" } ?? "an object", FileSystem.parent(path))
        }
        if let file = try reader.optionalText("transformers_weights"), file != HuggingFaceWeights.singleName {
            throw Fault(
                .badData, "the configuration names another file of weights", file: path, place: "transformers_weights",
                found: "the string \"\(file.prefix(60))\"", expected: HuggingFaceWeights.singleName,
                advice: "put the model's config.json and its weights, as model.safetensors, into a folder of their own")
        }
        try KeyTypes.check(reader)
        var warnings: [String] = []
        if let type = configuration["dtype"]?.stringValue, let old = configuration["torch_dtype"]?.stringValue,
            type != old
        {
            warnings.append("\(path): dtype is \(type) and torch_dtype is \(old); dtype is used, as in transformers 5")
        }
        let code = names.filter { $0.hasSuffix(".py") && !PublishedFile.code.contains($0) }
        let isForeign = configuration["auto_map"] != nil && !ExportedConfiguration.isOwnCode(configuration)
        if isForeign || !code.isEmpty {
            let what = (isForeign ? ["auto_map in config.json"] : []) + code
            warnings.append(
                "\(path): the model brings its own code (\(what.joined(separator: ", "))); it is never run or copied")
        }
        return warnings
    }

    /// The floating-point type with the most bytes.
    private static func weightType(_ tensors: [TensorDescription]) -> StoredType {
        var bytes: [StoredType: Int] = [:]
        for tensor in tensors where tensor.type.isFloatingPoint { bytes[tensor.type, default: 0] += tensor.byteCount }
        return bytes.max { ($0.value, $0.key.rank) < ($1.value, $1.key.rank) }?.key ?? .f32
    }

    /// Nil as well for one that cannot be read: nothing depends on it.
    private static func card(_ folder: String, _ names: [String]) -> SideFile? {
        let name = "README.md"
        guard names.contains(name), FileSystem.kind(FileSystem.joined(folder, name)) == .file,
            let path = try? SafePath.checked(folder, name), let size = FileSystem.size(path), size <= 4 << 20
        else { return nil }
        return SideFile(name: name, content: .file(path: path))
    }
}
