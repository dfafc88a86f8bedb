import Faults
import JSONText

/// A folder with `config.json` and safetensors.
enum HuggingFaceFolder {
    static let embeddingName = "model.embed_tokens.weight"
    static let headName = "lm_head.weight"

    static func open(_ folder: String, orDescribed description: Checkpoint.Description?) throws(Fault) -> Checkpoint {
        let names = try FileSystem.names(in: folder)
        let configurationPath = FileSystem.joined(folder, "config.json")
        guard names.contains("config.json") else {
            if let file = names.first(where: { $0.hasSuffix(".gguf") }) {
                throw Fault(
                    .missingInput, "the folder holds GGUF files, of which one must be named", file: folder,
                    found: names.filter { $0.hasSuffix(".gguf") }.prefix(8).joined(separator: ", "),
                    expected: "the path of a .gguf file, or a Hugging Face model folder",
                    advice: "name a file: \(FileSystem.joined(folder, file))")
            }
            throw Fault(
                .missingInput, "the folder has no config.json", file: configurationPath,
                found: names.isEmpty ? "an empty folder" : names.prefix(8).joined(separator: ", "),
                expected: "a Hugging Face model folder", advice: "name the folder that holds config.json")
        }
        let configuration = try JSONFile.object(try SafePath.checked(folder, "config.json"))
        var warnings = try check(configuration, configurationPath, names)
        let reader = ConfigurationReader(configuration, file: configurationPath)
        let tied = try reader.boolean("tie_word_embeddings") ?? false
        if let description, MissingWeights.areMissing(names) {
            let type = try MissingWeights.type(reader)
            return Checkpoint(
                path: folder, format: .huggingFace, configuration: configuration,
                tensors: try description(configuration, configurationPath).map {
                    TensorDescription(name: $0.name, shape: $0.shape, type: type)
                },
                weightType: type, isQuantised: false, tiesWordEmbeddings: tied, warnings: warnings,
                sideFiles: try sideFiles(folder, names), card: card(folder, names), weightFiles: [],
                source: MissingWeights(folder: folder))
        }
        let weights = try HuggingFaceWeights(folder, names, warnings: &warnings)
        var tensors = weights.tensors
        if tied, let head = tensors.first(where: { $0.name == headName }) {
            if let embedding = tensors.first(where: { $0.name == embeddingName }),
                !(try weights.equal(head, embedding))
            {
                warnings.append(
                    "\(folder): lm_head.weight differs from the embedding, but config.json ties them; "
                        + "lm_head.weight is left out")
            }
            tensors.removeAll { $0.name == headName }
        }
        return Checkpoint(
            path: folder, format: .huggingFace, configuration: configuration, tensors: tensors,
            weightType: weightType(tensors), isQuantised: false, tiesWordEmbeddings: tied, warnings: warnings,
            sideFiles: try sideFiles(folder, names), card: card(folder, names),
            weightFiles: weights.files.map { (FileSystem.last($0.path), $0.size) },
            source: weights)
    }

    /// Refuses what cannot be read, warns about what is ignored.
    private static func check(
        _ configuration: JSONObject, _ path: String, _ names: [String]
    ) throws(Fault) -> [String] {
        let reader = ConfigurationReader(configuration, file: path)
        _ = try reader.requiredString("model_type")
        for key in ["quantization_config", "compression_config"] {
            if let value = configuration[key], !value.isNull {
                let method = value.objectValue?["quant_method"]?.stringValue
                throw Fault(
                    .badData, "this checkpoint is quantised already", file: path, place: key,
                    found: method.map { "quant_method \($0)" } ?? value.kindName,
                    expected: "plain floating-point weights",
                    advice: "start from the original model")
            }
        }
        var warnings: [String] = []
        let code = names.filter { $0.hasSuffix(".py") }
        if configuration["auto_map"] != nil || !code.isEmpty {
            let what = (configuration["auto_map"] == nil ? [] : ["auto_map in config.json"]) + code
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

    private static func sideFiles(_ folder: String, _ names: [String]) throws(Fault) -> [SideFile] {
        var files: [SideFile] = []
        for name in names where isSideFile(name) && FileSystem.kind(FileSystem.joined(folder, name)) == .file {
            files.append(SideFile(name: name, content: .file(path: try SafePath.checked(folder, name))))
        }
        return files
    }

    /// Nil as well for one that cannot be read: nothing depends on it.
    private static func card(_ folder: String, _ names: [String]) -> SideFile? {
        let name = "README.md"
        guard names.contains(name), FileSystem.kind(FileSystem.joined(folder, name)) == .file,
            let path = try? SafePath.checked(folder, name), let size = FileSystem.size(path), size <= 4 << 20
        else { return nil }
        return SideFile(name: name, content: .file(path: path))
    }

    static func isSideFile(_ name: String) -> Bool {
        let exact = [
            "special_tokens_map.json", "added_tokens.json", "merges.txt", "chat_template.jinja", "chat_template.json",
            "generation_config.json",
        ]
        if exact.contains(name) { return true }
        let capitals = name.uppercased()
        if capitals.hasPrefix("LICENSE") || capitals.hasPrefix("LICENCE") || capitals.hasPrefix("NOTICE") {
            return true
        }
        guard name.hasPrefix("tokenizer") || name.hasPrefix("vocab") else { return false }
        return [".json", ".model", ".txt", ".tiktoken", ".v3"].contains { name.hasSuffix($0) }
    }
}
