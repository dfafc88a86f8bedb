import Checkpoints
import Faults
import Files

/// A matrix of token ids in a safetensors file: the tensor `tokens`, int32 or int64, `[n, T]`.
public struct TokenFile: Sendable {
    public let path: String
    public let tokens: TokenMatrix
    /// SHA-256 of the file, in hexadecimal.
    public let digest: String

    /// - Parameter vocabularySize: ids must be below it.
    /// - Throws: `Fault` of kind `badData` for a file that is not such a matrix, or with row, column and id for the
    ///   first
    ///   id that is not in the vocabulary; `missingInput` and `inputOutput` as for any file.
    public init(_ path: String, vocabularySize: Int) throws(Fault) {
        let file = try SafetensorsFile(path)
        guard let tensor = file.tensor("tokens") else {
            throw Fault(
                .badData, "the file has no tensor 'tokens'", file: path,
                found: "the tensors " + file.tensors.prefix(5).map(\.name).joined(separator: ", "),
                expected: "'tokens', int32, [samples, length]")
        }
        let isWide = tensor.type == .i64
        guard isWide || tensor.type == .i32, tensor.shape.count == 2 else {
            throw Fault(
                .badData, "'tokens' is not a matrix of token ids", file: path, place: "tensor 'tokens'",
                found: "\(tensor.type.rawValue) \(tensor.shape)", expected: "I32 or I64, [samples, length]")
        }
        let (rows, columns) = (tensor.shape[0], tensor.shape[1])
        guard rows > 0, columns > 0 else {
            throw Fault(
                .badData, "the token file is empty", file: path, place: "tensor 'tokens'", found: "\(tensor.shape)",
                expected: "at least one row of at least one token")
        }
        // Every id is copied at least once more on its way to the model.
        try FreeMemory.check(2 * 4 * tensor.count, for: "these tokens", file: path)
        var values: [Int32] = []
        values.reserveCapacity(tensor.count)
        let width = isWide ? 8 : 4
        try file.parts("tokens") { (part) throws(Fault) in
            for offset in stride(from: 0, to: part.count, by: width) {
                let id =
                    isWide
                    ? Int(Int64(littleEndian: part.loadUnaligned(fromByteOffset: offset, as: Int64.self)))
                    : Int(Int32(littleEndian: part.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
                guard id >= 0, id < vocabularySize, let value = Int32(exactly: id) else {
                    throw TokenMatrix.outOfVocabulary(
                        id, row: values.count / columns, column: values.count % columns, vocabularySize, file: path)
                }
                values.append(value)
            }
        }
        self.path = path
        self.tokens = TokenMatrix(rows: rows, columns: columns, values: values)
        self.digest = try ByteFile(path).digest()
    }
}
