import Faults

/// Weights of the right model under names that its code in transformers does not have: pruned or parametrised while in
/// training, several projections in one tensor, another software's names. What they are is told by the names that stand
/// where the wanted one should.
enum ForeignLayout {
    /// Endings after a linear's or a norm's name, what they mean, and the way back.
    private static let unfinished: [(marks: [String], summary: String, advice: String)] = [
        (
            ["weight_orig", "weight_mask"], "the weights are pruned by a mask that is not applied yet",
            "call torch.nn.utils.prune.remove(module, 'weight') for every pruned module and save again"
        ),
        (
            ["parametrizations."], "the weights are parametrized, not plain",
            "call torch.nn.utils.parametrize.remove_parametrizations for every such module and save again"
        ),
        (
            ["weight_g", "weight_v"], "the weights are normalized when they are loaded, not plain",
            "call torch.nn.utils.remove_weight_norm for every such module and save again"
        ),
    ]
    private static let fused = [
        "qkv_proj", "query_key_value", "W_pack", "Wqkv", "c_attn", "wqkv", "gate_up_proj", "dense_h_to_4h",
    ]
    private static let foreign = ["tok_embeddings.weight", "attention.wq.weight", "wte.weight", "attn_q.weight"]
    private static let heads = ["output.weight", "embed_out.weight", "head.weight", "lm_head.linear.weight"]

    /// Why `name` is not among the stored tensors; nil when their names do not tell.
    static func fault(_ name: String, _ stored: [TensorDescription], folder: String) -> Fault? {
        func fault(_ summary: String, _ found: String, _ expected: String, _ advice: String) -> Fault {
            Fault(
                .badData, summary, file: folder, place: "tensor '\(name)'", found: found, expected: expected,
                advice: advice)
        }
        let names = stored.map(\.name)
        guard name.hasSuffix(".weight") else { return nil }
        let module = name.dropLast("weight".count)
        let siblings = names.filter { $0.hasPrefix(module) }
        for kind in unfinished {
            if let sibling = siblings.first(where: { other in
                kind.marks.contains { other.dropFirst(module.count).hasPrefix($0) }
            }) {
                return fault(kind.summary, "tensor '\(sibling)'", "the weight itself", kind.advice)
            }
        }
        if let sibling = siblings.first(where: { !$0.hasSuffix(".bias") }) {
            return otherName(name, sibling, folder)
        }
        if let own = names.first(where: { other in foreign.contains { other == $0 || other.hasSuffix("." + $0) } }) {
            return fault(
                "the weights have the names of other software", "tensor '\(own)'",
                "names of Hugging Face's format",
                "download the version in Hugging Face's format, or convert the model to it")
        }
        if let layer = layer(of: name) {
            let prefix = "model.layers.\(layer)."
            let known = names.compactMap(ForeignLayout.layer)
            if let last = known.max(), layer > last {
                return fault(
                    "the weights have fewer layers than the configuration", "\(last + 1) layers",
                    "at least \(layer + 1) layers, or num_hidden_layers of \(last + 1)",
                    "compare config.json with the weights, or download all files of the model again")
            }
            if let together = names.first(where: { other in
                other.hasPrefix(prefix) && fused.contains { other.contains($0) }
            }) {
                return fault(
                    "several projections are stored in one tensor", "tensor '\(together)'",
                    "a tensor for each projection",
                    "convert the model to the layout of its family: models of other families keep it so")
            }
        }
        if name == HuggingFaceFolder.headName, let head = names.first(where: heads.contains) {
            return otherName(name, head, folder)
        }
        // A name that ends in the wanted one stands in another place of a larger model.
        let core = name.hasPrefix("model.") ? String(name.dropFirst("model.".count)) : name
        return names.first { $0.hasSuffix("." + core) }.map { otherName(name, $0, folder) }
    }

    private static func otherName(_ name: String, _ found: String, _ folder: String) -> Fault {
        Fault(
            .badData, "the checkpoint has a tensor under another name than its configuration requires",
            file: folder, place: "tensor '\(name)'", found: "tensor '\(found)'", expected: "the name itself",
            advice: "save the language model by itself, so that its names begin with 'model.'")
    }

    private static func layer(of name: String) -> Int? {
        guard name.hasPrefix("model.layers.") else { return nil }
        return Int(name.dropFirst("model.layers.".count).prefix { $0 != "." })
    }
}
