import Faults
import Files

/// A regular file read by ranges, which notices when somebody changes it; what is packed with gzip is read unpacked,
/// and its size and digest are those of what is in it.
public final class ByteFile {
    public var path: String { file.path }
    /// Bytes, when it was opened.
    public var size: Int { file.size }
    private let file: InputFile

    /// - Throws: `missingInput` when there is no such file, `badData` when it is no regular file, `inputOutput` when it
    ///   cannot be opened.
    public init(_ path: String) throws(Fault) { file = try InputFile.unpacked(path) }

    /// The bytes from `offset`: `count` of them, or fewer where the file ends.
    public func bytes(at offset: Int, count: Int) throws(Fault) -> [UInt8] {
        guard offset < file.size else { return [] }
        return try file.bytes(at: offset, count: min(count, file.size - offset))
    }

    /// SHA-256 of the whole file, as lowercase hexadecimal.
    func digest() throws(Fault) -> String { try file.digest() }
}
