/// The merges of a BPE model: (left id, right id) → (rank, id of the merged token), in a flat hash table.
struct MergeTable: Sendable {
    /// The rank of a pair that does not merge.
    static let none = UInt32.max

    private struct Slot {
        var pair: UInt64
        var rank: UInt32
        var merged: Int32
    }

    private var slots: [Slot]
    private let shift: UInt64
    /// Random and odd: a hostile file cannot aim at collisions. Results do not depend on it.
    private let multiplier = UInt64.random(in: .min ... .max) | 1

    /// - Parameter capacity: how many merges will be inserted, at most.
    init(capacity: Int) {
        var bits: UInt64 = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        shift = 64 - bits
        slots = Array(repeating: Slot(pair: .max, rank: MergeTable.none, merged: -1), count: 1 << bits)
    }

    /// A pair that stands twice keeps its later rank, as in the reference implementation.
    mutating func insert(_ left: Int32, _ right: Int32, rank: UInt32, merged: Int32) {
        let pair = MergeTable.key(left, right)
        var slot = home(pair)
        while slots[slot].pair != .max, slots[slot].pair != pair { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Slot(pair: pair, rank: rank, merged: merged)
    }

    /// The rank of a pair and what it merges to; rank `none` where it does not merge.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> (rank: UInt32, merged: Int32) {
        let pair = MergeTable.key(left, right)
        var slot = home(pair)
        while true {
            let found = slots[slot]
            if found.pair == pair { return (found.rank, found.merged) }
            if found.pair == .max { return (MergeTable.none, -1) }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    /// Calls with left, right, rank and merged of every merge, in no order.
    func forEach(_ body: (Int32, Int32, UInt32, Int32) -> Void) {
        for slot in slots where slot.pair != .max {
            body(
                Int32(truncatingIfNeeded: slot.pair >> 32), Int32(truncatingIfNeeded: slot.pair), slot.rank, slot.merged
            )
        }
    }

    @inline(__always)
    private func home(_ pair: UInt64) -> Int { Int(((pair ^ pair >> 29) &* multiplier) >> shift) }

    /// Ids are never negative, so no pair is `UInt64.max`, the mark of an empty slot.
    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
