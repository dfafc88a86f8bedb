/// Joins documents' tokens and cuts them into rows of one length. What is left at the end is no row.
///
/// Where rows have a beginning each has it once: a row that a document's own one comes to stand at the start of gets no
/// second.
struct RowPacker {
    let length: Int
    let beginning: Int32?
    private(set) var rows: [ArraySlice<Int32>] = []
    /// Tokens put in, separators included.
    private(set) var tokenCount = 0
    private var open: [Int32] = []

    init(length: Int, beginning: Int32? = nil) {
        self.length = length
        self.beginning = beginning
    }

    mutating func append(_ tokens: some Sequence<Int32>) {
        let before = open.count
        open.append(contentsOf: tokens)
        tokenCount += open.count - before
        var start = 0
        while start < open.count {
            let added = beginning.map { open[start] == $0 ? [] : [$0] } ?? []
            let taken = length - added.count
            guard taken > 0, open.count - start >= taken else { break }
            rows.append(ArraySlice(added + open[start..<start + taken]))
            start += taken
        }
        open.removeFirst(start)
    }
}
