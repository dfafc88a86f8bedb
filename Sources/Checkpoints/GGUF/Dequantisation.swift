/// GGUF's block types as float32, with the same roundings in the same order as the format's Python package, so that
/// the results are equal to the bit.
///
/// Block layouts are those of ggml. d and m are the block's float16 scale and minimum, q a stored small integer:
///
///     Q8_0  d·q          Q4_0  d·(q − 8)     Q5_0  d·(q − 16)
///     Q4_1  d·q + m      Q5_1  d·q + m
///     Q4_K, Q5_K  (d·s)·q − (m·t)   with 6-bit s, t for every 32 elements
///     Q6_K        (d·s)·(q − 32)    with 8-bit s for every 16 elements
public enum Dequantisation {
    /// - Parameters:
    ///   - source: whole blocks.
    ///   - target: the same blocks' elements.
    public static func dequantise(
        _ source: UnsafeRawBufferPointer, _ type: GGUFTensorType, into target: UnsafeMutableBufferPointer<Float>
    ) {
        guard let input = source.baseAddress, let output = target.baseAddress else { return }
        let blocks = min(source.count / type.blockBytes, target.count / type.blockSize)
        let step: (UnsafeRawPointer, UnsafeMutablePointer<Float>) -> Void
        switch type {
        case .f32: _ = FloatConversion.widen(source, .f32, into: target)
        case .f16: _ = FloatConversion.widen(source, .f16, into: target)
        case .bf16: _ = FloatConversion.widen(source, .bf16, into: target)
        case .q8_0: step = q8_0
        case .q4_0: step = q4_0
        case .q4_1: step = q4_1
        case .q5_0: step = q5_0
        case .q5_1: step = q5_1
        case .q4_K: step = q4_K
        case .q5_K: step = q5_K
        case .q6_K: step = q6_K
        }
    }
}
