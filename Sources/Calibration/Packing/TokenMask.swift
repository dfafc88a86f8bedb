import Crypto

/// Which tokens of a matrix a loss counts the prediction of, `[rows, columns]`.
public struct TokenMask: Equatable, Sendable {
    public let rows: Int
    public let columns: Int
    /// `rows · columns`, row by row.
    public let values: [Bool]

    /// - Parameter rows: rows of equal length.
    public init(_ rows: [[Bool]], columns: Int) {
        self.rows = rows.count
        self.columns = columns
        values = rows.flatMap { $0 }
    }

    public subscript(row: Int) -> ArraySlice<Bool> { values[row * columns..<(row + 1) * columns] }

    /// Positions of a row whose next token counts. The first token is predicted from nothing.
    public func positions(in row: Int) -> Int { self[row].dropFirst().count { $0 } }

    /// SHA-256 of a byte for each token, 1 where it counts, in hexadecimal.
    public var digest: String {
        var hash = SHA256()
        for row in 0..<rows { hash.update(data: self[row].map { $0 ? UInt8(1) : 0 }) }
        return HexText.of(hash.finalize())
    }
}
