/// Joins documents' tokens and cuts them into rows of one length. What is left at the end is no row.
struct RowPacker {
    let length: Int
    private(set) var rows: [ArraySlice<Int32>] = []
    /// Tokens put in, separators included.
    private(set) var tokenCount = 0
    private var open: [Int32] = []

    init(length: Int) { self.length = length }

    mutating func append(_ tokens: some Sequence<Int32>) {
        let before = open.count
        open.append(contentsOf: tokens)
        tokenCount += open.count - before
        var start = 0
        while open.count - start >= length {
            rows.append(ArraySlice(Array(open[start..<start + length])))
            start += length
        }
        open.removeFirst(start)
    }
}
