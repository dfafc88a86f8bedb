import Crypto
import Faults

/// Token ids, `[rows, columns]`, row by row.
public struct TokenMatrix: Equatable, Sendable {
    public let rows: Int
    public let columns: Int
    /// `rows · columns` ids.
    public let values: [Int32]

    /// - Parameter rows: rows of equal length.
    init(_ rows: [ArraySlice<Int32>], columns: Int) {
        self.rows = rows.count
        self.columns = columns
        self.values = rows.flatMap { $0 }
    }

    init(rows: Int, columns: Int, values: [Int32]) {
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    public subscript(row: Int) -> ArraySlice<Int32> { values[row * columns..<(row + 1) * columns] }

    /// SHA-256 of the ids as little-endian int32, in hexadecimal.
    public var digest: String {
        var hash = SHA256()
        for row in 0..<rows {
            let words = self[row].map(\.littleEndian)
            words.withUnsafeBytes { hash.update(bufferPointer: $0) }
        }
        return HexText.of(hash.finalize())
    }

    /// - Throws: `Fault` of kind `badData` that names row, column and id of the first one that is not in
    ///   `0..<vocabularySize`.
    func checkVocabulary(_ vocabularySize: Int, file: String?) throws(Fault) {
        guard let position = values.firstIndex(where: { $0 < 0 || Int($0) >= vocabularySize }) else { return }
        throw TokenMatrix.outOfVocabulary(
            Int(values[position]), row: position / columns, column: position % columns, vocabularySize, file: file)
    }

    static func outOfVocabulary(
        _ id: Int, row: Int, column: Int, _ vocabularySize: Int, file: String?
    ) -> Fault {
        Fault(
            .badData, "a token id is not in the model's vocabulary", file: file, place: "row \(row), column \(column)",
            found: "id \(id)", expected: "0 to \(vocabularySize - 1)",
            advice: "make the tokens with this model's own tokenizer")
    }
}
