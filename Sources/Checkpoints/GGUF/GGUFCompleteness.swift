import Faults
import JSONText

/// Whether a GGUF file has the tensors of its architecture, all of them and no others, each in its shape.
enum GGUFCompleteness {
    /// - Parameters:
    ///   - rows: of the token embedding.
    ///   - attentionBias: whether q, k, v and o have biases.
    ///   - mlpBias: whether gate, up and down have.
    static func check(
        _ file: GGUFParts, _ shape: GGUFArchitecture, rows: Int, attentionBias: Bool, mlpBias: Bool
    ) throws(Fault) {
        let expected = tensors(shape, rows: rows, attentionBias: attentionBias, mlpBias: mlpBias)
        let found = Dictionary(file.entries.map { (ExactText($0.name), $0) }, uniquingKeysWith: { first, _ in first })
        for (name, size) in expected {
            guard let entry = found[ExactText(name)] else {
                throw Fault(
                    .badData, "the GGUF file lacks a tensor of its architecture", file: file.path,
                    place: "tensor '\(name)'", found: "architecture \(shape.family.name), \(shape.layers) blocks",
                    expected: "shape \(size)", advice: "download the file again, or convert the model again")
            }
            guard entry.shape == size else {
                throw Fault(
                    .badData, "a GGUF tensor does not have the shape that the metadata requires",
                    file: file.files[entry.part].path, place: "tensor '\(name)'", found: "shape \(entry.shape)",
                    expected: "shape \(size)", advice: "download the file again, or convert the model again")
            }
        }
        let known = Set(expected.map { ExactText($0.name) } + optional.map(ExactText.init))
        if let other = file.entries.first(where: { !known.contains(ExactText($0.name)) }) {
            throw GGUFTensorNames.unknown(other, shape, file: file.files[other.part].path)
        }
        if let head = found[ExactText("output.weight")], head.shape != [rows, shape.hidden] {
            throw Fault(
                .badData, "a GGUF tensor does not have the shape that the metadata requires",
                file: file.files[head.part].path, place: "tensor 'output.weight'", found: "shape \(head.shape)",
                expected: "shape \([rows, shape.hidden])")
        }
    }

    private static let optional = ["output.weight", GGUFRopeScaling.tensorName]

    private static func tensors(
        _ shape: GGUFArchitecture, rows: Int, attentionBias: Bool, mlpBias: Bool
    ) -> [(name: String, shape: [Int])] {
        let hasInputBiases = attentionBias || shape.family.attentionBiases == .queryKeyValue
        typealias Linear = (name: String, out: Int, in: Int, hasBias: Bool)
        var list: [(name: String, shape: [Int])] = [
            ("token_embd.weight", [rows, shape.hidden]), ("output_norm.weight", [shape.hidden]),
        ]
        for (block, sizes) in shape.shapes.enumerated() {
            let (queries, keys) = (sizes.heads * shape.headSize, sizes.keyValueHeads * shape.headSize)
            let attention: [Linear] = [
                ("attn_q", queries, shape.hidden, hasInputBiases),
                ("attn_k", keys, shape.hidden, hasInputBiases),
                ("attn_v", keys, shape.hidden, hasInputBiases),
                ("attn_output", shape.hidden, queries, attentionBias),
            ]
            let mlp: [Linear] = [
                ("ffn_gate", sizes.intermediate, shape.hidden, mlpBias),
                ("ffn_up", sizes.intermediate, shape.hidden, mlpBias),
                ("ffn_down", shape.hidden, sizes.intermediate, mlpBias),
            ]
            for norm in shape.family.norms {
                // The norm of a half that is not there is not there either.
                let isAttention = !norm.huggingFaceName.hasPrefix("post_attention")
                if shape.family.isRagged, isAttention ? sizes.heads == 0 : sizes.intermediate == 0 { continue }
                list.append(("blk.\(block).\(norm.name).weight", [norm.isHead ? shape.headSize : shape.hidden]))
            }
            for linear in (sizes.heads > 0 ? attention : []) + (sizes.intermediate > 0 ? mlp : []) {
                list.append(("blk.\(block).\(linear.name).weight", [linear.out, linear.in]))
                if linear.hasBias { list.append(("blk.\(block).\(linear.name).bias", [linear.out])) }
            }
        }
        return list
    }
}
