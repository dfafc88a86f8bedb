/// Super-blocks of 256 elements ("K" types), by `BlockFit`.
///
/// Each group has a scale, and in Q4_K and Q5_K a minimum, of its own. They are whole numbers of few bits, multiples of
/// two numbers of the super-block. After rounding a group tries the neighbours of its scale and minimum, too.
extension Quantisation {
    /// Q4_K and Q5_K: x ≈ (d·s)·q − (m·t), with s and t in 0...63 by groups of 32.
    ///
    /// - Parameter weight: how much each element counts.
    /// - Returns: whether the block's scale and minimum are finite ones of float16.
    static func affineSuperBlock(
        _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ output: UnsafeMutableRawPointer, bits: Int
    ) -> Bool {
        let levels = Float(1 << bits - 1)
        var (largestScale, largestMinimum): (Float, Float) = (0, 0)
        return withUnsafeTemporaryAllocation(of: (d: Float, m: Float).self, capacity: 8) { fits in
            for group in 0..<8 {
                fits[group] = fit(input, weight, group, 32).affine(levels: levels, isBelowZero: true)
                largestScale = max(largestScale, fits[group].d)
                largestMinimum = max(largestMinimum, -fits[group].m)
            }
            guard storeHalf(largestScale / 63, output), storeHalf(largestMinimum / 63, output + 2) else {
                return false
            }
            let (d, m) = (Dequantisation.half(output), Dequantisation.half(output + 2))
            let (perScale, perMinimum) = (BlockFit.inverse(d), BlockFit.inverse(m))
            let packed = (output + 4).assumingMemoryBound(to: UInt8.self)
            let high = (output + 16).assumingMemoryBound(to: UInt8.self)
            let nibbles = (output + (bits == 5 ? 48 : 16)).assumingMemoryBound(to: UInt8.self)
            packed.update(repeating: 0, count: bits == 5 ? 172 : 140)
            for group in 0..<8 {
                let fit = fit(input, weight, group, 32)
                let scale = Int(min(fits[group].d * perScale, 63).rounded())
                let minimum = Int(min(-fits[group].m * perMinimum, 63).rounded())
                var (best, least) = ((s: 0, t: 0), Float.infinity)
                for s in max(scale - 1, 0)...min(scale + 1, 63) {
                    for t in max(minimum - 1, 0)...min(minimum + 1, 63) {
                        let error = fit.error(d: d * Float(s), m: -(m * Float(t)), 0, levels)
                        if error < least { (best, least) = ((s, t), error) }
                    }
                }
                store(scale: UInt8(best.s), minimum: UInt8(best.t), group: group, packed)
                let (inverse, mt) = (BlockFit.inverse(d * Float(best.s)), m * Float(best.t))
                let (bytes, shift) = (nibbles + (group >> 1) &* 32, UInt8(group & 1) &* 4)
                for element in 0..<32 {
                    let q = UInt8(BlockFit.nearest((fit.x[element] + mt) * inverse, 0, levels))
                    bytes[element] |= (q & 15) << shift
                    if bits == 5 { high[element] |= (q >> 4) << UInt8(group) }
                }
            }
            return true
        }
    }

    /// Q6_K: x ≈ (d·s)·(q − 32), with s in −128...127 by groups of 16.
    ///
    /// - Returns: whether the block's scale is a finite one of float16.
    static func q6_K(
        _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ output: UnsafeMutableRawPointer
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { fits in
            var extreme: Float = 0
            for group in 0..<16 {
                fits[group] = fit(input, weight, group, 16).symmetric(half: 32)
                if abs(fits[group]) > abs(extreme) { extreme = fits[group] }
            }
            // The scale that is largest becomes −128.
            guard storeHalf(extreme / -128, output + 208) else { return false }
            let d = Dequantisation.half(output + 208)
            let perScale = BlockFit.inverse(d)
            let low = output.assumingMemoryBound(to: UInt8.self)
            let scales = (output + 192).assumingMemoryBound(to: Int8.self)
            low.update(repeating: 0, count: 192)
            for group in 0..<16 {
                let fit = fit(input, weight, group, 16)
                let scale = Int(min(max(fits[group] * perScale, -128), 127).rounded())
                var (best, least) = (0, Float.infinity)
                for s in max(scale - 1, -128)...min(scale + 1, 127) {
                    let error = fit.error(d: d * Float(s), m: 0, -32, 31)
                    if error < least { (best, least) = (s, error) }
                }
                scales[group] = Int8(best)
                let inverse = BlockFit.inverse(d * Float(best))
                let (half, quarter, start) = (group >> 3, group >> 1 & 3, group & 1 &* 16)
                let nibbles = low + half &* 64 + (quarter & 1) &* 32 + start
                let bits = low + 128 + half &* 32 + start
                for element in 0..<16 {
                    let q = UInt8(BlockFit.nearest(fit.x[element] * inverse, -32, 31) + 32)
                    nibbles[element] |= (q & 15) << UInt8((quarter >> 1) &* 4)
                    bits[element] |= (q >> 4) << UInt8(quarter &* 2)
                }
            }
            return true
        }
    }

    @inline(__always)
    private static func fit(
        _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ group: Int, _ size: Int
    ) -> BlockFit {
        BlockFit(x: input + group &* size, w: weight + group &* size, count: size)
    }

    /// The reverse of `Dequantisation.scaleAndMinimum`.
    @inline(__always)
    private static func store(scale: UInt8, minimum: UInt8, group: Int, _ packed: UnsafeMutablePointer<UInt8>) {
        guard group >= 4 else {
            packed[group] |= scale
            packed[group &+ 4] |= minimum
            return
        }
        packed[group &+ 4] |= scale & 15 | (minimum & 15) << 4
        packed[group &- 4] |= (scale >> 4) << 6
        packed[group] |= (minimum >> 4) << 6
    }
}
