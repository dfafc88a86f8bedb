import Faults

/// GGUF's tensor names as Hugging Face's.
enum GGUFTensorNames {
    private static let whole = [
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    ]

    private static let linears = [
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    ]

    /// What a tensor is here.
    struct Meaning {
        /// Hugging Face's.
        var name: String
        /// Heads whose rows must be put back in order; nil where rows stand as in PyTorch.
        var permutedHeads: Int?
        /// Whether the file holds 1 + weight.
        var hasOneAdded = false
    }

    static func unknown(_ entry: GGUFFile.Entry, _ shape: GGUFArchitecture, file: String) -> Fault {
        Fault(
            .badData, "the GGUF file has a tensor that its architecture does not know", file: file,
            place: "tensor '\(entry.name)'", found: "architecture \(shape.family.name), \(shape.layers) blocks")
    }

    static func huggingFace(
        _ entry: GGUFFile.Entry, _ shape: GGUFArchitecture, file: String
    ) throws(Fault) -> Meaning {
        if let name = whole[entry.name] {
            return Meaning(name: name, hasOneAdded: shape.family.addsOneToNorms && entry.name == "output_norm.weight")
        }
        let parts = entry.name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "blk", let block = Int(parts[1]), String(block) == parts[1],
            (0..<shape.layers).contains(block), parts[3] == "weight" || parts[3] == "bias"
        else {
            throw unknown(entry, shape, file: file)
        }
        if let norm = shape.family.norms.first(where: { $0.name == parts[2] }) {
            return Meaning(
                name: "model.layers.\(block).\(norm.huggingFaceName).\(parts[3])",
                hasOneAdded: shape.family.addsOneToNorms)
        }
        guard let middle = linears[String(parts[2])] else { throw unknown(entry, shape, file: file) }
        let name = "model.layers.\(block).\(middle).\(parts[3])"
        guard shape.family.permutesHeads, parts[2] == "attn_q" || parts[2] == "attn_k" else {
            return Meaning(name: name)
        }
        let heads = parts[2] == "attn_q" ? shape.shapes[block].heads : shape.shapes[block].keyValueHeads
        let rows = entry.shape.first ?? 0
        guard heads > 0, rows % heads == 0, rows / heads % 2 == 0 else {
            throw Fault(
                .badData, "the rows of a projection do not fill its heads", file: file,
                place: "tensor '\(entry.name)'", found: "\(rows) rows", expected: "\(heads) heads of an even size")
        }
        return Meaning(name: name, permutedHeads: heads)
    }

    /// The name under which a family stores a tensor of Hugging Face's.
    ///
    /// - Returns: the layer that it belongs to, nil for one of the whole model, and the rest of its name; nil for a
    ///   name that the family does not know.
    static func stored(_ huggingFaceName: String, _ family: GGUFFamily) -> (layer: Int?, rest: String)? {
        if let name = whole.first(where: { $0.value == huggingFaceName })?.key { return (nil, name) }
        let parts = huggingFaceName.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 4, parts[0] == "model", parts[1] == "layers", let layer = Int(parts[2]),
            let kind = parts.last, kind == "weight" || kind == "bias"
        else { return nil }
        let middle = parts[3..<parts.count - 1].joined(separator: ".")
        let name =
            family.norms.first { $0.huggingFaceName == middle }?.name ?? linears.first { $0.value == middle }?.key
        return name.map { (layer, "\($0).\(kind)") }
    }
}

extension GGUFFamily {
    /// As `GGUFTensorNames.stored`.
    package func storedName(_ huggingFaceName: String) -> (layer: Int?, rest: String)? {
        GGUFTensorNames.stored(huggingFaceName, self)
    }
}
