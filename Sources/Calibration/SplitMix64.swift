/// The SplitMix64 generator (Steele, Lea and Flood 2014): the same numbers on every machine for a seed.
struct SplitMix64 {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Shuffles in place: from the last element down, each swapped with one at or before it (Fisher and Yates).
    ///
    /// The remainder of a 64-bit number is uniform to within count / 2^64.
    mutating func shuffle<Element>(_ items: inout [Element]) {
        guard items.count > 1 else { return }
        for last in stride(from: items.count - 1, to: 0, by: -1) {
            items.swapAt(last, Int(next() % UInt64(last + 1)))
        }
    }

    /// The numbers 0..<count in random order.
    mutating func order(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }
}
