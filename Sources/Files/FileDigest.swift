import Crypto
import Faults

/// What was written: for journals and completion records.
public struct FileDigest: Equatable, Sendable {
    /// The file's name without its folder.
    public var name: String
    /// Lowercase hexadecimal.
    public var sha256: String
    public var bytes: Int

    public init(name: String, sha256: String, bytes: Int) {
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}

extension FileDigest {
    /// Of a file that is there.
    ///
    /// - Throws: `missingInput`, `inputOutput`, or `badData` for what is not a regular file.
    public init(contentsOf path: String) throws(Fault) {
        let file = try InputFile(path)
        self.init(name: FileSystem.last(path), sha256: try file.digest(), bytes: file.size)
    }
}

/// A digest as lowercase hexadecimal.
package func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
