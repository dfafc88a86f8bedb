/// Super-blocks of 256 elements ("K" types).
extension Dequantisation {
    /// The 6-bit scale and minimum of each 32 elements, from 12 packed bytes: 4 bytes with the low scales, 4 with the
    /// low minima, 4 with the nibbles of the others, whose upper 2 bits sit on top of the first eight bytes.
    @inline(__always)
    private static func scaleAndMinimum(_ packed: UnsafePointer<UInt8>, _ group: Int) -> (scale: Float, minimum: Float)
    {
        if group < 4 { return (Float(packed[group] & 0x3F), Float(packed[group &+ 4] & 0x3F)) }
        let nibbles = packed[group &+ 4]
        let scale = nibbles & 0x0F | packed[group &- 4] >> 2 & 0x30
        let minimum = nibbles >> 4 | packed[group] >> 2 & 0x30
        return (Float(scale), Float(minimum))
    }

    // d, m: 2 bytes each, scales: 12 bytes, q: 128 bytes; 32 bytes hold two groups, the low nibbles first
    @inline(__always)
    static func q4_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let m = half(block + 2)
        let scales = (block + 4).assumingMemoryBound(to: UInt8.self)
        let q = (block + 16).assumingMemoryBound(to: UInt8.self)
        for group in 0..<8 {
            let (scale, minimum) = scaleAndMinimum(scales, group)
            let ds = d * scale
            let mt = m * minimum
            let bytes = q + (group >> 1) &* 32
            let shift = UInt8(group & 1) &* 4
            let part = output + group &* 32
            for index in 0..<32 { part[index] = ds * Float(bytes[index] >> shift & 15) - mt }
        }
    }

    // as Q4_K, with 32 bytes of fifth bits before q: bit g of byte i belongs to element i of group g
    @inline(__always)
    static func q5_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let d = half(block)
        let m = half(block + 2)
        let scales = (block + 4).assumingMemoryBound(to: UInt8.self)
        let high = (block + 16).assumingMemoryBound(to: UInt8.self)
        let q = (block + 48).assumingMemoryBound(to: UInt8.self)
        for group in 0..<8 {
            let (scale, minimum) = scaleAndMinimum(scales, group)
            let ds = d * scale
            let mt = m * minimum
            let bytes = q + (group >> 1) &* 32
            let shift = UInt8(group & 1) &* 4
            let bit = UInt8(group)
            let part = output + group &* 32
            for index in 0..<32 {
                let value = bytes[index] >> shift & 15 | (high[index] >> bit & 1) << 4
                part[index] = ds * Float(value) - mt
            }
        }
    }

    // low nibbles: 128 bytes, upper 2 bits: 64 bytes, scales: 16 int8, d: 2 bytes
    @inline(__always)
    static func q6_K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let low = block.assumingMemoryBound(to: UInt8.self)
        let high = (block + 128).assumingMemoryBound(to: UInt8.self)
        let scales = (block + 192).assumingMemoryBound(to: Int8.self)
        let d = half(block + 208)
        for group in 0..<8 {
            let (half, quarter) = (group >> 2, group & 3)
            let nibbles = low + half &* 64 + (quarter & 1) &* 32
            let nibbleShift = UInt8(quarter >> 1) &* 4
            let bits = high + half &* 32
            let bitShift = UInt8(quarter) &* 2
            let part = output + group &* 32
            for side in 0..<2 {
                let ds = d * Float(scales[group &* 2 &+ side])
                for index in side &* 16..<side &* 16 &+ 16 {
                    let value = nibbles[index] >> nibbleShift & 15 | (bits[index] >> bitShift & 3) << 4
                    part[index] = ds * Float(Int32(value) &- 32)
                }
            }
        }
    }
}
