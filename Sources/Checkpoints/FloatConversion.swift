/// Exact widening to float32, and rounding from it to nearest, ties to even.
///
/// Written on bit patterns: `Float16` does not exist on every platform that Swift serves.
public enum FloatConversion {
    /// The value of IEEE binary16 bits.
    @inline(__always)
    public static func float(half bits: UInt16) -> Float {
        let magnitude = UInt32(bits & 0x7FFF) << 13
        // Scaling by 2^112 moves the exponent's bias from 15 to 127 and is exact for subnormals too.
        var result = (Float(bitPattern: magnitude) * Float(bitPattern: 0x7780_0000)).bitPattern
        if magnitude >= 0x0F80_0000 { result = magnitude | 0x7F80_0000 }
        return Float(bitPattern: result | UInt32(bits & 0x8000) << 16)
    }

    /// The value of bfloat16 bits.
    @inline(__always)
    public static func float(brain bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// The nearest binary16; values beyond its range become infinite.
    public static func half(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            // Subnormal result: adding 0.5 aligns the last kept bit, and the addition rounds.
            let aligned = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: aligned.bitPattern &- 0x3F00_0000)
        }
        let rounded = magnitude + 0x0FFF + (magnitude >> 13 & 1)
        return sign | UInt16(truncatingIfNeeded: (rounded - 0x3800_0000) >> 13)
    }

    /// The nearest bfloat16.
    public static func brain(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
        return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }

    /// Widens little-endian elements of `type` to float32. `source` holds exactly `target.count` elements.
    ///
    /// - Returns: false when `type` is not a floating-point type that can be read.
    static func widen(
        _ source: UnsafeRawBufferPointer, _ type: StoredType, into target: UnsafeMutableBufferPointer<Float>
    ) -> Bool {
        switch type {
        case .f32:
            for index in target.indices {
                target[index] = Float(
                    bitPattern: UInt32(
                        littleEndian: source.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)))
            }
        case .f16:
            for index in target.indices {
                target[index] = float(
                    half: UInt16(littleEndian: source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)))
            }
        case .bf16:
            for index in target.indices {
                target[index] = float(
                    brain: UInt16(littleEndian: source.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)))
            }
        case .f64:
            for index in target.indices {
                let bits = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self))
                target[index] = Float(Double(bitPattern: bits))
            }
        default: return false
        }
        return true
    }

    /// Rounds float32 to little-endian elements of float32, float16 or bfloat16.
    ///
    /// - Returns: how many finite values became infinite; nil when `type` is not one of the three.
    public static func narrow(_ source: some Collection<Float>, to type: StoredType) -> (
        bytes: [UInt8], overflows: Int
    )? {
        var bytes: [UInt8] = []
        var overflows = 0
        bytes.reserveCapacity(source.count * type.bitCount / 8)
        for value in source {
            switch type {
            case .f32: withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            case .f16, .bf16:
                let bits = type == .f16 ? half(value) : brain(value)
                if value.isFinite, bits & 0x7FFF == (type == .f16 ? 0x7C00 : 0x7F80) { overflows += 1 }
                withUnsafeBytes(of: bits.littleEndian) { bytes.append(contentsOf: $0) }
            default: return nil
            }
        }
        return (bytes, overflows)
    }
}
