import Faults

/// GGUF's tensor names as Hugging Face's.
enum GGUFTensorNames {
    private static let whole = [
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    ]

    private static let perBlock = [
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    ]

    static func unknown(_ entry: GGUFFile.Entry, _ shape: GGUFArchitecture, file: String) -> Fault {
        Fault(
            .badData, "the GGUF file has a tensor that its architecture does not know", file: file,
            place: "tensor '\(entry.name)'", found: "architecture \(shape.family.rawValue), \(shape.layers) blocks")
    }

    /// - Returns: the name, and the number of heads whose rows must be put back in order, if any.
    static func huggingFace(
        _ entry: GGUFFile.Entry, _ shape: GGUFArchitecture, file: String
    ) throws(Fault) -> (name: String, permutedHeads: Int?) {
        if let name = whole[entry.name] { return (name, nil) }
        let parts = entry.name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "blk", let block = Int(parts[1]), String(block) == parts[1],
            (0..<shape.layers).contains(block), let middle = perBlock[String(parts[2])],
            parts[3] == "weight" || parts[3] == "bias"
        else {
            throw unknown(entry, shape, file: file)
        }
        let name = "model.layers.\(block).\(middle).\(parts[3])"
        guard shape.family.permutesHeads, parts[2] == "attn_q" || parts[2] == "attn_k" else { return (name, nil) }
        let heads = parts[2] == "attn_q" ? shape.heads : shape.keyValueHeads
        let rows = entry.shape.first ?? 0
        guard rows % heads == 0, rows / heads % 2 == 0 else {
            throw Fault(
                .badData, "the rows of a projection do not fill its heads", file: file,
                place: "tensor '\(entry.name)'", found: "\(rows) rows", expected: "\(heads) heads of an even size")
        }
        return (name, heads)
    }
}
