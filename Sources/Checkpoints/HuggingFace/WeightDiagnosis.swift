import Faults
import Files
import JSONText

/// What is known of a folder's weights beyond the tensors that are handed out: enough to say why one cannot be used.
struct WeightDiagnosis: Sendable {
    let folder: String
    /// Files in the folder.
    var files: [String]
    /// Of them those whose tensors these are.
    var read: [String]
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
        let unnamed = files.filter { ShardIndex.isShard($0) && !read.contains($0) }
        if !unnamed.isEmpty, files.contains(ShardIndex.fileName), !read.contains(HuggingFaceWeights.singleName) {
            return Fault(
                .badData,
                "the index does not name all shards, and a tensor that the model needs is in none of those it lists",
                file: FileSystem.joined(folder, ShardIndex.fileName), place: "weight_map, tensor '\(name)'",
                found: "shards that it does not name: \(unnamed.prefix(3).joined(separator: ", "))"
                    + (unnamed.count > 3 ? ", …" : ""),
                advice: "download index and shards again, from the same revision")
        }
        if let fault = ForeignLayout.fault(name, stored, folder: folder) { return fault }
        if name == HuggingFaceFolder.headName, !isTied,
            stored.contains(where: { $0.name.hasSuffix("embed_tokens.weight") })
        {
            let other = stored.first { !$0.name.hasPrefix("model.") }
            return Fault(
                .badData, "the model has no output matrix", file: folder, place: "tensor '\(name)'",
                found: other.map { "tensor '\($0.name)' beside the model" } ?? "nothing",
                expected: "lm_head.weight, or \"tie_word_embeddings\": true in config.json",
                advice: "use the whole model: this is a base or embedding model or a classifier, whose head other "
                    + "software would make up from random numbers")
        }
        return nil
    }
}
