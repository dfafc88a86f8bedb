/// Joins documents' tokens and cuts them into rows of one length. What is left at the end is no row.
///
/// Where rows have a beginning each has it once: a row that a document's own one comes to stand at the start of gets no
/// second.
struct RowPacker {
    let length: Int
    /// Rows that are kept; what comes after them is counted only.
    let most: Int
    let beginning: Int32?
    private(set) var rows: [ArraySlice<Int32>] = []
    /// Tokens put in, separators included.
    private(set) var tokenCount = 0
    private var open: [Int32] = []

    init(length: Int, most: Int = .max, beginning: Int32? = nil) {
        self.length = length
        self.most = most
        self.beginning = beginning
    }

    mutating func append(_ tokens: [Int32]) {
        tokenCount += tokens.count
        for token in tokens {
            guard rows.count < most else { return }
            if open.isEmpty, let beginning, token != beginning {
                // No row has room for a token besides.
                guard length > 1 else { return }
                open.append(beginning)
            }
            open.append(token)
            guard open.count >= length else { continue }
            rows.append(open[...])
            open = []
        }
    }
}
