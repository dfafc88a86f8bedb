import Faults
import Foundation

/// A regular file read by ranges. One reader at a time.
public final class ByteFile {
    public let path: String
    /// Bytes, when it was opened.
    public let size: Int
    private let handle: FileHandle

    /// - Throws: `missingInput` when there is no such file, `badData` when it is no regular file, `inputOutput` when it
    ///   cannot be opened.
    public init(_ path: String) throws(Fault) {
        self.path = path
        let manager = FileManager.default
        guard manager.fileExists(atPath: path) else {
            throw Fault(.missingInput, "the file does not exist", file: path, advice: "check the path")
        }
        do {
            let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath()
            let attributes = try manager.attributesOfItem(atPath: resolved.path)
            guard attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? NSNumber
            else {
                throw Fault(.badData, "this is not a regular file", file: path)
            }
            self.size = size.intValue
            self.handle = try FileHandle(forReadingFrom: resolved)
        } catch let fault as Fault {
            throw fault
        } catch {
            throw ByteFile.failure(path, error)
        }
    }

    deinit { try? handle.close() }

    /// The bytes from `offset`: `count` of them, or fewer where the file ends.
    public func bytes(at offset: Int, count: Int) throws(Fault) -> Data {
        do {
            try handle.seek(toOffset: UInt64(offset))
            return try handle.read(upToCount: count) ?? Data()
        } catch {
            throw ByteFile.failure(path, error)
        }
    }

    private static func failure(_ path: String, _ error: any Error) -> Fault {
        Fault(.inputOutput, "the file cannot be read", file: path, found: error.localizedDescription)
    }
}
