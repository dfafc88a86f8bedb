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
    /// Made when a word is first merged in windows; nil inside where that cannot be done.
    private var order: MergeOrder??
    /// Made when a word is first cut where no token can stand; nil inside where it cannot be.
    var tokens: SortedTokens??

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
        link(with: table)
        while let entry = popMinimum() {
            let at = Int(entry & 0xFFFF_FFFF)
            guard ranks[at] == UInt32(entry >> 32) else { continue }
            join(at, with: table)
        }
        symbols.removeAll { $0 < 0 }
    }

    /// Rates all pairs of neighbours.
    private mutating func link(with table: MergeTable) {
        let count = symbols.count
        next = (1...Int32(count)).map { $0 }
        next[count - 1] = -1
        previous = (-1..<Int32(count) - 1).map { $0 }
        ranks = Array(repeating: MergeTable.none, count: count)
        merged = Array(repeating: -1, count: count)
        heap.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 { rate(index, index + 1, with: table) }
    }

    /// Merges the symbol at a place with the next one.
    private mutating func join(_ at: Int, with table: MergeTable) {
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

    // MARK: Words of any length

    /// Symbols that are merged at a time: what is linked and rated for them takes up to 44 bytes each.
    static let window = 1 << 16

    /// Merges a long word in windows, each as far as it does not depend on what follows, so that memory never holds all
    /// of its symbols.
    ///
    /// - Parameters:
    ///   - symbolCount: symbols are below this.
    ///   - fill: appends the word's next symbols until there are so many; false when it has no more.
    ///   - take: given the tokens, one part after another.
    /// - Returns: false, and nothing is done, where the merges are in no order that allows it.
    mutating func mergeInWindows(
        of size: Int, with table: MergeTable, symbolCount: Int,
        fill: (inout [Int32], Int) -> Bool, take: ([Int32]) -> Void
    ) -> Bool {
        if order == nil { order = .some(MergeOrder(table, symbols: symbolCount)) }
        guard case .some(.some(let order)) = order else { return false }
        var waiting: [Int32] = []
        var window = size
        while true {
            let hasMore = fill(&waiting, window)
            symbols = waiting
            guard hasMore else {
                merge(with: table)
                take(symbols)
                return true
            }
            let used = mergeBeginning(with: table, order)
            if used > 0 {
                take(symbols)
                waiting.removeFirst(used)
                window = size
            } else {
                window *= 2
            }
        }
    }

    /// Merges symbols that others follow, as far as it does not matter what these are.
    ///
    /// Merges happen rank by rank. With each the last symbol of which all is known may be the left one of its pair, and
    /// then merge with what follows: from there on it is not known, and the symbol before it is the last. What is left
    /// in the end stands before a place over which nothing merges, so that what follows can be merged by itself.
    ///
    /// - Returns: how many symbols became tokens, which are then `symbols`.
    private mutating func mergeBeginning(with table: MergeTable, _ order: MergeOrder) -> Int {
        link(with: table)
        var last = symbols.count - 1
        // The rank with which it is known no longer.
        var end = order.rank(beyond: -1, left: symbols[last]) ?? .max
        func step(_ rank: Int) {
            last = Int(previous[last])
            end = last < 0 ? .max : order.rank(beyond: rank, left: symbols[last]) ?? .max
        }
        while let entry = popMinimum() {
            let at = Int(entry & 0xFFFF_FFFF)
            let rank = Int(entry >> 32)
            guard ranks[at] == UInt32(rank) else { continue }
            while end < rank { step(end) }
            guard at <= last else { continue }
            if at == last {
                step(rank)
                continue
            }
            let takesLast = Int(next[at]) == last
            join(at, with: table)
            if takesLast {
                last = at
                end = order.rank(beyond: rank, left: symbols[last]) ?? .max
            }
        }
        while end < .max { step(end) }
        guard last >= 0 else { return 0 }
        let used = next[last] < 0 ? symbols.count : Int(next[last])
        symbols.removeSubrange((last + 1)...)
        symbols.removeAll { $0 < 0 }
        return used
    }
}
