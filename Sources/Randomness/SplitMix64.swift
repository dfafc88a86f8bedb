/// The SplitMix64 generator (Steele, Lea and Flood 2014): the same numbers on every machine for a seed.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Goes on as if so many numbers had been drawn.
    public mutating func skip(_ count: Int) { state &+= SplitMix64.step &* UInt64(truncatingIfNeeded: count) }

    public mutating func next() -> UInt64 {
        state &+= SplitMix64.step
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 0 ..< count in a shuffled order (Fisher and Yates, from the end).
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, Int(next() % UInt64(i + 1))) }
        return order
    }
}
