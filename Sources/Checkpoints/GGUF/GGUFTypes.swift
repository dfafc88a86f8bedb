/// The types of a model's matrices, by llama.cpp's names.
///
/// Rows that do not hold whole blocks of 256 are stored as in llama.cpp: Q4_K as Q5_0, Q5_K as Q5_1, Q6_K as Q8_0; rows
/// that do not hold whole blocks of 32 in F16. The output matrix decides about quality more than any other, and keeps
/// six bits at least.
public struct GGUFTypes: Equatable, Sendable {
    public let name: String
    /// Of most matrices.
    public let base: GGUFTensorType
    /// Of the output matrix, which may be the embedding.
    package let output: GGUFTensorType
    /// Of the v and down projections of some layers.
    package let finer: GGUFTensorType?
    /// llama.cpp's number for a file of these types.
    package let fileType: Int

    private init(
        _ base: GGUFTensorType, suffix: String = "", output: GGUFTensorType, finer: GGUFTensorType? = nil,
        fileType: Int
    ) {
        name = base.name + suffix
        (self.base, self.output, self.finer, self.fileType) = (base, output, finer, fileType)
    }

    /// All that can be written, the most exact first.
    public static let all = [
        GGUFTypes(.f32, output: .f32, fileType: 0),
        GGUFTypes(.bf16, output: .bf16, fileType: 32),
        GGUFTypes(.f16, output: .f16, fileType: 1),
        GGUFTypes(.q8_0, output: .q8_0, fileType: 7),
        GGUFTypes(.q6_K, output: .q6_K, fileType: 18),
        GGUFTypes(.q5_1, output: .q8_0, fileType: 9),
        GGUFTypes(.q5_K, suffix: "_M", output: .q6_K, finer: .q6_K, fileType: 17),
        GGUFTypes(.q5_K, output: .q6_K, fileType: 16),
        GGUFTypes(.q5_0, output: .q8_0, fileType: 8),
        GGUFTypes(.q4_1, output: .q8_0, fileType: 3),
        GGUFTypes(.q4_K, suffix: "_M", output: .q6_K, finer: .q6_K, fileType: 15),
        GGUFTypes(.q4_K, output: .q6_K, fileType: 14),
        GGUFTypes(.q4_0, output: .q8_0, fileType: 2),
    ]

    /// - Parameter name: in any case.
    public static func named(_ name: String) -> GGUFTypes? { all.first { $0.name == name.uppercased() } }

    package static let f16 = all[2]

    /// What a file says of its types; nil for one that says nothing, or what its tensors do not bear out.
    init?(_ file: GGUFParts) {
        guard let number = try? file.metadata.integer("general.file_type"),
            let types = GGUFTypes.all.first(where: { $0.fileType == number }),
            file.entries.contains(where: { entry in
                entry.shape.count > 1 && entry.type == GGUFTypes.fitting(types.base, entry.shape.last ?? 1)
            })
        else { return nil }
        self = types
    }

    /// The layers whose v and down projections get the finer type: the first and the last eighth, where errors cost
    /// most, and of the others every third.
    package static func isFiner(_ layer: Int, of count: Int) -> Bool {
        let eighth = count / 8
        return layer < eighth || layer >= count - eighth || (layer - eighth) % 3 == 2
    }

    /// The type of a matrix whose rows hold whole blocks.
    ///
    /// - Parameters:
    ///   - name: GGUF's, without the layer.
    ///   - layer: of the file; nil outside layers.
    ///   - isOutput: whether it makes the logits.
    package func type(_ name: String, layer: Int?, of layers: Int, isOutput: Bool) -> GGUFTensorType {
        if isOutput { return output }
        guard let finer, let layer, name == "attn_v.weight" || name == "ffn_down.weight",
            GGUFTypes.isFiner(layer, of: layers)
        else { return base }
        return finer
    }

    /// A type whose blocks fill rows of so many elements.
    package static func fitting(_ type: GGUFTensorType, _ width: Int) -> GGUFTensorType {
        if width % type.blockSize == 0 { return type }
        let other: GGUFTensorType =
            switch type {
            case .q4_K: .q5_0
            case .q5_K: .q5_1
            case .q6_K: .q8_0
            default: .f16
            }
        return fitting(other, width)
    }
}
