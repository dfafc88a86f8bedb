import Faults
import Files

/// Files read whole.
package enum ReadableFile {
    /// The largest that is read; results and reports have some megabytes.
    static let largestFile = 64 << 20

    /// - Throws: `missingInput` when there is none, `badData` when it is too large or not a regular file, `inputOutput`
    ///   when it cannot be read.
    package static func bytes(_ path: String) throws(Fault) -> [UInt8] {
        try InputFile(path).contents(limit: largestFile)
    }
}
