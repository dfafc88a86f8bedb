import Faults

/// Weights in the formats of quantisers, known by what stands beside the weights.
///
/// Such tensors must not be read as if they were weights: packed ones have another shape, but 8-bit ones, and 16-bit
/// ones that still lack their scales, have the right shape and the wrong values.
enum QuantisedWeights {
    /// Formats and the endings of tensor names that only they have; the first that fits is named.
    private static let formats: [(name: String, endings: [String])] = [
        ("GPTQ", [".g_idx"]), ("AWQ or GPTQ", [".qweight", ".qzeros"]), ("EXL2", [".q_weight"]),
        ("MLX", [".biases"]), ("bitsandbytes, 8 bits", [".SCB"]),
        ("bitsandbytes, 4 bits", [".absmax", ".quant_map", ".nested_absmax"]),
        ("compressed-tensors", [".weight_packed", ".weight_zero_point", ".weight_shape"]),
        ("FP4", [".weight_scale_2"]), ("FP8 or 8-bit integers", [".weight_scale", ".weight_scale_inv"]),
        ("HQQ", [".W_q"]), ("AQLM", [".codebooks", ".codes"]), ("Quanto", ["._data", "._scale"]),
        ("EXL3", [".trellis"]), ("AWQ of ModelOpt", [".pre_quant_scale"]),
        ("an unknown format with scales", [".scales"]),
    ]

    /// Endings that only beside a projection's weights tell of a quantiser.
    private static let besideProjections = [
        ".scale_weight", ".weight_scales", ".scale_inv", ".qscale", ".scale", ".zeros", ".zero_point", ".zero_points",
        ".smooth_scale", ".weight_quantizer._amax", ".weight_qtype",
    ]

    private static let files = [
        ("quantize_config.json", "GPTQ"), ("quant_config.json", "AWQ"), ("hf_quant_config.json", "FP8 or FP4"),
    ]

    /// A fault when tensors are those of a quantiser.
    ///
    /// - Parameter files: names in the folder, which tell formats apart that name their tensors alike.
    static func fault(_ tensors: [TensorDescription], files: [String], folder: String) -> Fault? {
        for format in formats {
            let named = tensors.first { tensor in
                format.endings.contains { tensor.name.hasSuffix($0) }
            }
            guard let tensor = named else { continue }
            let told = format.name.contains(" or ") ? QuantisedWeights.files.first { files.contains($0.0) }?.1 : nil
            return fault(
                told ?? format.name, "tensor '\(tensor.name)'", found: "\(tensor.type.rawValue) \(tensor.shape)", folder
            )
        }
        if let tensor = tensors.first(where: { tensor in
            tensor.name.contains("_proj.") && besideProjections.contains { tensor.name.hasSuffix($0) }
        }) {
            return fault(
                "an unknown format with scales", "tensor '\(tensor.name)'",
                found: "\(tensor.type.rawValue) \(tensor.shape)", folder)
        }
        if let state = tensors.first(where: { $0.name.contains(".quant_state.") }) {
            return fault("bitsandbytes, 4 bits", "tensor '\(state.name)'", found: state.type.rawValue, folder)
        }
        return nil
    }

    /// A fault that names files of quantisers: a hint where a tensor cannot be used, no proof by themselves.
    static func hint(_ names: [String], folder: String) -> Fault? {
        guard let (file, name) = files.first(where: { names.contains($0.0) }) else { return nil }
        return fault(name, "the weights, beside \(file)", found: file, folder)
    }

    static func fault(_ format: String, _ place: String, found: String, _ folder: String) -> Fault {
        Fault(
            .badData, "this checkpoint is quantized already (\(format))", file: folder, place: place, found: found,
            expected: "plain floating-point weights",
            advice: "start from the original model, or dequantize it with the software that made it")
    }
}
