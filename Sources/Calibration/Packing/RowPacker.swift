/// Joins documents' tokens and cuts them into rows of one length. What is left at the end is no row.
///
/// Where rows have a beginning each has it once: a row that a document's own one comes to stand at the start of gets no
/// second. Where marks are kept, a row in which no token is marked that another stands before is left out.
struct RowPacker {
    let length: Int
    /// Rows that are kept; what comes after them is counted only.
    let most: Int
    let beginning: Int32?
    let keepsMarks: Bool
    private(set) var rows: [ArraySlice<Int32>] = []
    /// Of each row, where marks are kept.
    private(set) var marks: [[Bool]] = []
    /// Rows that were left out.
    private(set) var unmarked = 0
    /// Tokens put in, separators included.
    private(set) var tokenCount = 0
    private var open: [Int32] = []
    private var openMarks: [Bool] = []

    init(length: Int, most: Int = .max, beginning: Int32? = nil, keepsMarks: Bool = false) {
        self.length = length
        self.most = most
        self.beginning = beginning
        self.keepsMarks = keepsMarks
    }

    /// - Parameter isMarked: one for each token; nil marks all.
    mutating func append(_ tokens: [Int32], isMarked: [Bool]? = nil) {
        tokenCount += tokens.count
        for (index, token) in tokens.enumerated() {
            guard rows.count < most else { return }
            if open.isEmpty, let beginning, token != beginning {
                // No row has room for a token besides.
                guard length > 1 else { return }
                open.append(beginning)
                if keepsMarks { openMarks.append(false) }
            }
            open.append(token)
            if keepsMarks { openMarks.append(isMarked?[index] ?? true) }
            guard open.count >= length else { continue }
            close()
        }
    }

    private mutating func close() {
        if keepsMarks {
            if openMarks.dropFirst().contains(true) {
                rows.append(open[...])
                marks.append(openMarks)
            } else {
                unmarked += 1
            }
            openMarks = []
        } else {
            rows.append(open[...])
        }
        open = []
    }
}
