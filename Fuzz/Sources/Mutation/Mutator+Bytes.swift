extension Mutator {
    /// Flips, overwrites, inserts, removes, repeats or moves bytes.
    mutating func changedBytes(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        guard !bytes.isEmpty else { return [UInt8(below(256))] }
        let at = below(bytes.count)
        let length = min(1 + below(below(8) == 0 ? 512 : 8), bytes.count - at)
        switch below(8) {
        case 0: bytes[at] ^= 1 << UInt8(below(8))
        case 1: bytes[at] = any([0, 1, 0x0A, 0x1B, 0x20, 0x22, 0x5C, 0x7F, 0x80, 0xC0, 0xE2, 0xF4, 0xFF])
        case 2: bytes.insert(UInt8(below(256)), at: at)
        case 3: bytes.removeSubrange(at..<at + length)
        case 4: bytes.insert(contentsOf: bytes[at..<at + length], at: at)
        case 5: bytes.removeSubrange(at...)
        case 6:
            let part = Array(bytes[at..<at + length])
            bytes.insert(contentsOf: part, at: below(bytes.count))
        default:
            let number = any(Mutator.integers)
            for index in 0..<min(any([1, 2, 4, 8]), bytes.count - at) {
                bytes[at + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
            }
        }
        return bytes
    }

    /// Where arithmetic goes wrong.
    static let integers: [UInt64] = [
        0, 1, 2, 3, 4, 7, 8, 31, 32, 33, 127, 128, 255, 256, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
        1 << 32, 1 << 33, 1 << 53, 1 << 60, 1 << 61, 1 << 62, (1 << 63) - 1, 1 << 63, UInt64.max - 7, UInt64.max - 1,
        UInt64.max,
    ]
}
