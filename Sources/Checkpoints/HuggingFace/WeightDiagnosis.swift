import Faults
import JSONText

/// What is known of a folder's weights beyond the tensors that are handed out: enough to say why one cannot be used.
struct WeightDiagnosis: Sendable {
    let folder: String
    /// Files in the folder.
    var files: [String]
    /// Tensors of all files, without the formats and adapters that are refused when the folder is opened.
    var stored: [TensorDescription]
    /// Tensors that the index promises and no file holds, with the file that should.
    var promised: [(tensor: String, file: String)]
    var isTied: Bool

    /// The reason why a tensor is missing or of the wrong shape or type; nil when nothing special is known.
    func cause(of name: String) -> Fault? {
        let found = stored.first { $0.name == name }
        if let found {
            if let hint = QuantisedWeights.hint(files, folder: folder) { return hint }
            guard !found.type.isFloatingPoint else { return nil }
            return QuantisedWeights.fault(
                "an unknown format with integers", "tensor '\(name)'", found: "\(found.type.rawValue) \(found.shape)",
                folder)
        }
        if let promise = promised.first(where: { $0.tensor == name }) {
            return Fault(
                .badData, "a shard does not hold a tensor that the index promises and the model needs",
                file: FileSystem.joined(folder, ShardIndex.fileName), place: "weight_map, tensor '\(name)'",
                found: "no such tensor in \(promise.file)",
                advice: "download index and shards again, from the same revision")
        }
        if let hint = QuantisedWeights.hint(files, folder: folder) { return hint }
        if name == HuggingFaceFolder.headName, !isTied,
            stored.contains(where: { $0.name.hasSuffix("embed_tokens.weight") })
        {
            return Fault(
                .badData, "the model has no output matrix", file: folder, place: "tensor '\(name)'", found: "nothing",
                expected: "lm_head.weight, or \"tie_word_embeddings\": true in config.json",
                advice: "use the whole model: this is a base or embedding model, whose head other software would make "
                    + "up from random numbers")
        }
        // A name that ends in the wanted one stands in another place of a larger model.
        if let other = stored.first(where: { $0.name.hasSuffix("." + name) || name.hasSuffix("." + $0.name) }) {
            return Fault(
                .badData, "the checkpoint has a tensor under another name than its configuration calls for",
                file: folder, place: "tensor '\(name)'", found: "tensor '\(other.name)'", expected: "the name itself",
                advice: "save the language model by itself, so that its names begin with 'model.'")
        }
        return nil
    }
}
