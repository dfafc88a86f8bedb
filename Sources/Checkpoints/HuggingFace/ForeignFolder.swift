import Faults
import Files

/// A folder without `config.json`, named for what it is.
enum ForeignFolder {
    static func fault(_ names: [String], folder: String) -> Fault {
        if let fault = AdapterFolder.fault(names, folder: folder) { return fault }
        let path = FileSystem.joined(folder, "config.json")
        func fault(_ summary: String, _ found: String, _ advice: String) -> Fault {
            Fault(
                .missingInput, summary, file: path, found: found, expected: "a Hugging Face model folder",
                advice: advice)
        }
        if let model = names.first(where: { $0.hasSuffix(".gguf") }) {
            return fault(
                "the folder has no config.json, but GGUF files", model,
                "pass the file instead: \(FileSystem.joined(folder, model))")
        }
        if names.contains("params.json") {
            return fault(
                "the folder holds a model in its maker's own format", "params.json",
                "download the version in Hugging Face's format, which has a config.json")
        }
        if names.contains("model_index.json") {
            return fault(
                "the folder holds a pipeline of several models", "model_index.json", "pass the model's own folder in it"
            )
        }
        if let inner = names.first(where: {
            FileSystem.kind(FileSystem.joined(FileSystem.joined(folder, $0), "config.json")) == .file
        }) {
            return fault(
                "the folder has no config.json, but a folder in it has", inner + "/config.json",
                "pass that folder: \(FileSystem.joined(folder, inner))")
        }
        return fault(
            "the folder has no config.json",
            names.isEmpty ? "an empty folder" : names.prefix(8).joined(separator: ", "),
            "pass the folder that contains config.json")
    }
}
