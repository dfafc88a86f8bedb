/// Merges the symbols of one word: always the pair of lowest rank, the leftmost first.
///
/// Short words are searched linearly; long ones use a heap, so that a run of a million letters takes n log n steps.
struct WordMerger {
    /// Symbols of the word; after `merge` the tokens.
    var symbols: [Int32] = []
    private var ranks: [UInt32] = []
    private var merged: [Int32] = []
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var heap: [UInt64] = []

    private static let linearLimit = 48

    mutating func merge(with table: MergeTable) {
        guard symbols.count > 1 else { return }
        if symbols.count <= WordMerger.linearLimit { mergeShort(with: table) } else { mergeLong(with: table) }
    }

    /// `ranks[i]` and `merged[i]` belong to the pair (i, i + 1).
    private mutating func mergeShort(with table: MergeTable) {
        var count = symbols.count
        ranks.removeAll(keepingCapacity: true)
        merged.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 {
            let (rank, id) = table.merge(symbols[index], symbols[index + 1])
            ranks.append(rank)
            merged.append(id)
        }
        while count > 1 {
            var best = MergeTable.none
            var at = 0
            for index in 0..<count - 1 where ranks[index] < best {
                best = ranks[index]
                at = index
            }
            guard best != MergeTable.none else { break }
            symbols[at] = merged[at]
            count -= 1
            // The right symbol of the pair leaves; what follows moves one place to the left.
            for index in at + 1..<max(count, at + 1) { symbols[index] = symbols[index + 1] }
            for index in at..<max(count - 1, at) {
                ranks[index] = ranks[index + 1]
                merged[index] = merged[index + 1]
            }
            if at > 0 { (ranks[at - 1], merged[at - 1]) = table.merge(symbols[at - 1], symbols[at]) }
            if at + 1 < count { (ranks[at], merged[at]) = table.merge(symbols[at], symbols[at + 1]) }
        }
        symbols.removeLast(symbols.count - count)
    }

    /// Symbols stay at their first position and are linked; an entry of the heap is stale once the rank at its
    /// position has changed.
    private mutating func mergeLong(with table: MergeTable) {
        let count = symbols.count
        next = (1...Int32(count)).map { $0 }
        next[count - 1] = -1
        previous = (-1..<Int32(count) - 1).map { $0 }
        ranks = Array(repeating: MergeTable.none, count: count)
        merged = Array(repeating: -1, count: count)
        heap.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 { rate(index, index + 1, with: table) }
        while let entry = popMinimum() {
            let at = Int(entry & 0xFFFF_FFFF)
            guard ranks[at] == UInt32(entry >> 32) else { continue }
            let right = Int(next[at])
            symbols[at] = merged[at]
            ranks[at] = MergeTable.none
            ranks[right] = MergeTable.none
            symbols[right] = -1
            next[at] = next[right]
            if next[at] >= 0 {
                previous[Int(next[at])] = Int32(at)
                rate(at, Int(next[at]), with: table)
            }
            if previous[at] >= 0 { rate(Int(previous[at]), at, with: table) }
        }
        symbols.removeAll { $0 < 0 }
    }

    private mutating func rate(_ left: Int, _ right: Int, with table: MergeTable) {
        let (rank, id) = table.merge(symbols[left], symbols[right])
        ranks[left] = rank
        merged[left] = id
        guard rank != MergeTable.none else { return }
        heap.append(UInt64(rank) << 32 | UInt64(left))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func popMinimum() -> UInt64? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            let child = 2 * parent + 1
            if child < heap.count, heap[child] < heap[least] { least = child }
            if child + 1 < heap.count, heap[child + 1] < heap[least] { least = child + 1 }
            if least == parent { return top }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
