import Faults
import Files
import Foundation

/// A regular file read by ranges, which notices when somebody changes it.
public final class ByteFile {
    public var path: String { file.path }
    /// Bytes, when it was opened.
    public var size: Int { file.size }
    private let file: InputFile

    /// - Throws: `missingInput` when there is no such file, `badData` when it is no regular file, `inputOutput` when it
    ///   cannot be opened.
    public init(_ path: String) throws(Fault) { file = try InputFile(path) }

    /// The bytes from `offset`: `count` of them, or fewer where the file ends.
    public func bytes(at offset: Int, count: Int) throws(Fault) -> Data {
        guard offset < file.size else { return Data() }
        return Data(try file.bytes(at: offset, count: min(count, file.size - offset)))
    }

    /// SHA-256 of the whole file, as lowercase hexadecimal.
    func digest() throws(Fault) -> String { try file.digest() }
}
