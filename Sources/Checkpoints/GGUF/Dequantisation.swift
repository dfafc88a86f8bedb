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
        switch type {
        case .f32: _ = FloatConversion.widen(source, .f32, into: target)
        case .f16: _ = FloatConversion.widen(source, .f16, into: target)
        case .bf16: _ = FloatConversion.widen(source, .bf16, into: target)
        case .q8_0: for block in 0..<blocks { q8_0(input + block &* 34, output + block &* 32) }
        case .q4_0: for block in 0..<blocks { q4_0(input + block &* 18, output + block &* 32) }
        case .q4_1: for block in 0..<blocks { q4_1(input + block &* 20, output + block &* 32) }
        case .q5_0: for block in 0..<blocks { q5_0(input + block &* 22, output + block &* 32) }
        case .q5_1: for block in 0..<blocks { q5_1(input + block &* 24, output + block &* 32) }
        case .q4_K: for block in 0..<blocks { q4_K(input + block &* 144, output + block &* 256) }
        case .q5_K: for block in 0..<blocks { q5_K(input + block &* 176, output + block &* 256) }
        case .q6_K: for block in 0..<blocks { q6_K(input + block &* 210, output + block &* 256) }
        }
    }

    /// The little-endian float16 at `pointer`.
    @inline(__always)
    static func half(_ pointer: UnsafeRawPointer) -> Float {
        FloatConversion.float(half: UInt16(littleEndian: pointer.loadUnaligned(as: UInt16.self)))
    }
}

/// Blocks of 32 elements.
extension Dequantisation {
    // d: 2 bytes, q: 32 int8
    @inline(__always)
    private static func q8_0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let q = (block + 2).assumingMemoryBound(to: Int8.self)
        for index in 0..<32 { output[index] = Float(q[index]) * d }
    }

    // d: 2 bytes, q: 16 bytes, the low nibbles are elements 0..<16
    @inline(__always)
    private static func q4_0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let q = (block + 2).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            output[index] = d * Float(Int32(q[index] & 15) &- 8)
            output[index &+ 16] = d * Float(Int32(q[index] >> 4) &- 8)
        }
    }

    // d, m: 2 bytes each, q: 16 bytes
    @inline(__always)
    private static func q4_1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let m = half(block + 2)
        let q = (block + 4).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            output[index] = d * Float(Int32(q[index] & 15)) + m
            output[index &+ 16] = d * Float(Int32(q[index] >> 4)) + m
        }
    }

    // d: 2 bytes, fifth bits: 4 bytes, q: 16 bytes
    @inline(__always)
    private static func q5_0(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let high = UInt32(littleEndian: (block + 2).loadUnaligned(as: UInt32.self))
        let q = (block + 6).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            let shift = UInt32(truncatingIfNeeded: index)
            let low = UInt32(q[index] & 15) | (high >> shift & 1) << 4
            let upper = UInt32(q[index] >> 4) | (high >> (shift &+ 16) & 1) << 4
            output[index] = d * Float(Int32(truncatingIfNeeded: low) &- 16)
            output[index &+ 16] = d * Float(Int32(truncatingIfNeeded: upper) &- 16)
        }
    }

    // d, m: 2 bytes each, fifth bits: 4 bytes, q: 16 bytes
    @inline(__always)
    private static func q5_1(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let m = half(block + 2)
        let high = UInt32(littleEndian: (block + 4).loadUnaligned(as: UInt32.self))
        let q = (block + 8).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            let shift = UInt32(truncatingIfNeeded: index)
            let low = UInt32(q[index] & 15) | (high >> shift & 1) << 4
            let upper = UInt32(q[index] >> 4) | (high >> (shift &+ 16) & 1) << 4
            output[index] = d * Float(Int32(truncatingIfNeeded: low)) + m
            output[index &+ 16] = d * Float(Int32(truncatingIfNeeded: upper)) + m
        }
    }
}
