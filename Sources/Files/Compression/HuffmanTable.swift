/// A prefix code of DEFLATE: the lengths of its words say all (RFC 1951, 3.2.2).
struct HuffmanTable {
    /// Bits of the longest word, at least 1; a table's index.
    let width: Int
    /// By the next `width` bits: the symbol times 16 and the length of its word; 0 for bits that begin no word.
    private let entries: [UInt16]

    /// - Parameter lengths: of every symbol's word, 0 for those without one, at most 15; fewer than 4096 symbols.
    /// - Returns: nil for lengths that no code has: too many short words, or bits that begin no word, but for a code of
    ///   one word or none, as encoders write for distances that they do not need.
    init?(lengths: some Collection<UInt8>) {
        var counts = [Int](repeating: 0, count: 16)
        for length in lengths where length > 0 { counts[Int(length)] += 1 }
        let used = counts.reduce(0, +)
        width = max(1, counts.lastIndex { $0 > 0 } ?? 0)
        var left = 1
        for length in 1...15 {
            left = left * 2 - counts[length]
            guard left >= 0 else { return nil }
        }
        guard left == 0 || used <= 1 else { return nil }
        // The first word of each length, as a number whose first bit is its highest.
        var next = [Int](repeating: 0, count: 16)
        var code = 0
        for length in 1...15 {
            code = (code + counts[length - 1]) << 1
            next[length] = code
        }
        var entries = [UInt16](repeating: 0, count: 1 << width)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            let length = Int(length)
            // In the stream a word's first bit comes first, which is the lowest.
            var word = 0
            for bit in 0..<length where next[length] >> bit & 1 == 1 { word |= 1 << (length - 1 - bit) }
            next[length] += 1
            for index in stride(from: word, to: entries.count, by: 1 << length) {
                entries[index] = UInt16(symbol << 4 | length)
            }
        }
        self.entries = entries
    }

    /// - Parameter bits: the next `width` bits of the stream.
    /// - Returns: the symbol and the length of its word; a length of 0 where none begins so.
    func symbol(_ bits: Int) -> (symbol: Int, length: Int) {
        let entry = Int(entries[bits])
        return (entry >> 4, entry & 15)
    }
}
