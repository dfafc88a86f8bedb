import Faults

/// Columns of text: the first to the left, the others to the right.
public struct TextTable {
    private var rows: [[String]] = []
    private let leftColumns: Int

    /// - Parameter leftColumns: how many columns, from the first, stand to the left.
    public init(leftColumns: Int = 1) { self.leftColumns = leftColumns }

    public mutating func add(_ cells: String...) { add(cells: cells) }

    /// Cells name things of others' files: none can begin another line or reach the terminal's controls.
    public mutating func add(cells: [String]) {
        rows.append(cells.map { Fault.harmless($0, limit: TextTable.longestCell) })
    }

    private static let longestCell = 1000

    /// The lines, each ending in a newline.
    public var text: String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { column < $0.count ? ProgressReporter.columns($0[column]) : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - ProgressReporter.columns(cell))
                line += (column == 0 ? "" : "  ") + (column < leftColumns ? cell + space : space + cell)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
