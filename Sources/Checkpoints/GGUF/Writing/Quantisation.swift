/// Float32 as GGUF's types.
///
/// Block layouts are those of `Dequantisation`. With a the value of the largest magnitude:
///
///     Q8_0  d = |a| / 127        q = round(x / d)
///     Q4_0  d = a / −8           q = ⌊x / d + 8.5⌋     Q5_0  d = a / −16         q = ⌊x / d + 16.5⌋
///
/// with the roundings of the format's Python package in their order, so that the bytes are the same. Where weights tell
/// how much errors count, the scales of Q4_0 and Q5_0 are fitted; those of the types with minima and of super-blocks
/// always are (`BlockFit`).
package enum Quantisation {
    /// The types that can be written, the most exact first.
    package static let types: [GGUFTensorType] = [
        .f32, .bf16, .f16, .q8_0, .q6_K, .q5_1, .q5_K, .q5_0, .q4_1, .q4_K, .q4_0,
    ]

    /// - Parameters:
    ///   - source: whole blocks.
    ///   - type: one of `types`.
    ///   - weights: how much the error of each element of a row counts, for `source` of whole rows; nil for all the
    ///     same. Q8_0 and the types without blocks do not use them.
    ///   - target: the same blocks' bytes.
    /// - Returns: the first element that the type has no number for: too large for it or, in a block, not finite. Nil
    ///   when all are written.
    package static func quantise(
        _ source: UnsafeBufferPointer<Float>, _ type: GGUFTensorType, weights: [Float]? = nil,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        precondition(weights.map { $0.count % type.blockSize == 0 && source.count % $0.count == 0 } ?? true)
        precondition(types.contains(type) && source.count % type.blockSize == 0)
        precondition(target.count == source.count / type.blockSize * type.blockBytes)
        guard let input = source.baseAddress, let output = target.baseAddress else { return nil }
        switch type {
        case .f32:
            for index in source.indices { store(input[index].bitPattern, output + index &* 4) }
            return nil
        case .f16: return narrow(source, output, infinity: 0x7C00, FloatConversion.half)
        case .bf16: return narrow(source, output, infinity: 0x7F80, FloatConversion.brain)
        default: break
        }
        let size = type.blockSize
        let row = weights ?? [Float](repeating: 1, count: size)
        let blocks = row.count / size
        return row.withUnsafeBufferPointer { row in
            guard let start = row.baseAddress else { return nil }
            for block in 0..<source.count / size {
                let (from, to) = (input + block &* size, output + block &* type.blockBytes)
                let weight = start + block % blocks &* size
                if let wrong = firstNotFinite(from, size) { return block * size + wrong }
                if !quantiseBlock(from, weight, isWeighted: weights != nil, type, to) {
                    return block * size + ((0..<size).max { abs(from[$0]) < abs(from[$1]) } ?? 0)
                }
            }
            return nil
        }
    }

    /// - Returns: whether the block's scale and minimum are finite ones of float16.
    @inline(__always)
    private static func quantiseBlock(
        _ from: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, isWeighted: Bool,
        _ type: GGUFTensorType, _ to: UnsafeMutableRawPointer
    ) -> Bool {
        switch type {
        case .q4_0: symmetric(from, isWeighted ? weight : nil, to, bits: 4)
        case .q5_0: symmetric(from, isWeighted ? weight : nil, to, bits: 5)
        case .q4_1: affine(from, weight, to, bits: 4)
        case .q5_1: affine(from, weight, to, bits: 5)
        case .q4_K: affineSuperBlock(from, weight, to, bits: 4)
        case .q5_K: affineSuperBlock(from, weight, to, bits: 5)
        case .q6_K: q6_K(from, weight, to)
        default: q8_0(from, to)
        }
    }

    @inline(__always)
    private static func store<Bits: FixedWidthInteger>(_ bits: Bits, _ pointer: UnsafeMutableRawPointer) {
        pointer.storeBytes(of: bits.littleEndian, as: Bits.self)
    }

    @inline(__always)
    private static func narrow(
        _ source: UnsafeBufferPointer<Float>, _ output: UnsafeMutableRawPointer, infinity: UInt16,
        _ round: (Float) -> UInt16
    ) -> Int? {
        for index in source.indices {
            let bits = round(source[index])
            if bits & 0x7FFF == infinity, source[index].isFinite { return index }
            store(bits, output + index &* 2)
        }
        return nil
    }

    /// Stores a block's scale or minimum as float16.
    ///
    /// - Returns: whether it is a finite one.
    @inline(__always)
    static func storeHalf(_ value: Float, _ pointer: UnsafeMutableRawPointer) -> Bool {
        let bits = FloatConversion.half(value)
        store(bits, pointer)
        return bits & 0x7C00 != 0x7C00
    }

    @inline(__always)
    private static func firstNotFinite(_ input: UnsafePointer<Float>, _ count: Int) -> Int? {
        (0..<count).first { !input[$0].isFinite }
    }

    private static func q8_0(_ input: UnsafePointer<Float>, _ output: UnsafeMutableRawPointer) -> Bool {
        var largest: Float = 0
        for index in 0..<32 { largest = max(largest, abs(input[index])) }
        let d = largest / 127
        guard storeHalf(d, output) else { return false }
        let inverse = BlockFit.inverse(d)
        for index in 0..<32 {
            let q = (input[index] * inverse).rounded(.toNearestOrAwayFromZero)
            store(Int8(min(max(q, -127), 127)), output + 2 + index)
        }
        return true
    }

    /// Q4_0 and Q5_0.
    private static func symmetric(
        _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>?, _ output: UnsafeMutableRawPointer, bits: Int
    ) -> Bool {
        let half = Float(1 << (bits - 1))
        if let weight {
            // What the readers multiply by is the rounded scale.
            guard storeHalf(BlockFit(x: input, w: weight, count: 32).symmetric(half: half), output) else {
                return false
            }
            let inverse = BlockFit.inverse(Dequantisation.half(output))
            pack(output + 2, bits) { input[$0] * inverse + (half + 0.5) }
            return true
        }
        var extreme = input[0]
        for index in 1..<32 where abs(input[index]) > abs(extreme) { extreme = input[index] }
        let d = extreme / -half
        guard storeHalf(d, output) else { return false }
        let inverse = BlockFit.inverse(d)
        pack(output + 2, bits) { input[$0] * inverse + (half + 0.5) }
        return true
    }

    /// Q4_1 and Q5_1: the fitted scale and minimum, or those of the ends of the range where they are better, as for
    /// numbers that stood in such a block before.
    private static func affine(
        _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ output: UnsafeMutableRawPointer, bits: Int
    ) -> Bool {
        let levels = Float(1 << bits - 1)
        let block = BlockFit(x: input, w: weight, count: 32)
        var (low, high) = (input[0], input[0])
        for index in 1..<32 {
            low = min(low, input[index])
            high = max(high, input[index])
        }
        // Readers use the rounded numbers.
        guard storeHalf((high - low) / levels, output), storeHalf(low, output + 2) else { return false }
        let ends = (d: Dequantisation.half(output), m: Dequantisation.half(output + 2))
        let fit = block.affine(levels: levels, isBelowZero: false)
        var best = ends
        if storeHalf(fit.d, output), storeHalf(fit.m, output + 2) {
            let fitted = (d: Dequantisation.half(output), m: Dequantisation.half(output + 2))
            let isBetter =
                block.error(d: fitted.d, m: fitted.m, 0, levels) < block.error(d: ends.d, m: ends.m, 0, levels)
            if isBetter { best = fitted }
        }
        guard storeHalf(best.d, output), storeHalf(best.m, output + 2) else { return false }
        let inverse = BlockFit.inverse(best.d)
        pack(output + 4, bits) { (input[$0] - best.m) * inverse + 0.5 }
        return true
    }

    /// Fifth bits, where there are any, in four bytes, then the nibbles: those of elements 0..<16 are the low ones.
    ///
    /// - Parameter number: of an element, before its fraction is cut off.
    @inline(__always)
    private static func pack(_ output: UnsafeMutableRawPointer, _ bits: Int, _ number: (Int) -> Float) {
        let largest = Float(1 << bits - 1)
        @inline(__always) func q(_ index: Int) -> UInt32 { UInt32(min(max(number(index), 0), largest)) }
        var high: UInt32 = 0
        let nibbles = output + (bits == 5 ? 4 : 0)
        for index in 0..<16 {
            let (first, second) = (q(index), q(index + 16))
            high |= (first >> 4 & 1) << UInt32(index) | (second >> 4 & 1) << UInt32(index + 16)
            store(UInt8(first & 15 | (second & 15) << 4), nibbles + index)
        }
        if bits == 5 { store(high, output) }
    }
}
