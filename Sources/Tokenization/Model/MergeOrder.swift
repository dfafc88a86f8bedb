/// The merges of a table by their left symbol: tells from when on a symbol may merge with one that follows it, whatever
/// that is.
struct MergeOrder: Sendable {
    /// Where each symbol's ranks start, and one more.
    private let starts: [Int32]
    /// Of the merges whose left symbol it is, ascending.
    private let ranks: [UInt32]

    /// Nil where a merge comes before one that makes a symbol of its pair, or beside it: ranks then say nothing of the
    /// order in which pairs are merged. Merges that were learnt from a text never do.
    init?(_ table: MergeTable, symbols: Int) {
        var made = [Int](repeating: -1, count: symbols)
        var starts = [Int32](repeating: 0, count: symbols + 1)
        table.forEach { left, _, rank, merged in
            made[Int(merged)] = max(made[Int(merged)], Int(rank))
            starts[Int(left) + 1] += 1
        }
        var isOrdered = true
        table.forEach { left, right, rank, _ in
            if made[Int(left)] >= Int(rank) || made[Int(right)] >= Int(rank) { isOrdered = false }
        }
        guard isOrdered else { return nil }
        for symbol in 0..<symbols { starts[symbol + 1] += starts[symbol] }
        var ranks = [UInt32](repeating: 0, count: Int(starts[symbols]))
        var next = starts
        table.forEach { left, _, rank, _ in
            ranks[Int(next[Int(left)])] = rank
            next[Int(left)] += 1
        }
        for symbol in 0..<symbols { ranks[Int(starts[symbol])..<Int(starts[symbol + 1])].sort() }
        self.starts = starts
        self.ranks = ranks
    }

    /// The first rank beyond another, which may be -1, of a merge whose left symbol this is.
    func rank(beyond rank: Int, left symbol: Int32) -> Int? {
        var (low, high) = (Int(starts[Int(symbol)]), Int(starts[Int(symbol) + 1]))
        let end = high
        while low < high {
            let middle = (low + high) / 2
            if Int(ranks[middle]) <= rank { low = middle + 1 } else { high = middle }
        }
        return low < end ? Int(ranks[low]) : nil
    }
}
