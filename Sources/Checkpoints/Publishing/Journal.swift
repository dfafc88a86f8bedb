import Faults
import Files
import JSONText

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An append-only file of JSON lines; a line that is there is on the disk, and what it tells of was on the disk before.
///
/// A crash can tear the last line only. It is discarded on reading, and cut off before the next line is appended.
public final class Journal {
    public static let fileName = "journal.jsonl"

    public let path: String
    private let descriptor: Int32
    private var length: Int

    /// Opens or makes a journal to append to.
    public init(_ path: String) throws(Fault) {
        let kept = FileSystem.existsUnfollowed(path) ? try Journal.parse(path).bytes : 0
        self.path = path
        length = kept
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw FileSystem.failure("the journal cannot be written", path, errno) }
        guard ftruncate(descriptor, off_t(kept)) == 0, lseek(descriptor, off_t(kept), SEEK_SET) == off_t(kept) else {
            throw FileSystem.failure("the journal cannot be written", path, errno)
        }
        try OutputFile.sync(descriptor, path)
        try FileSystem.syncFolder(FileSystem.parent(path))
    }

    deinit { close(descriptor) }

    /// Appends a line and waits until it is on the disk. After a failure the journal is as it was before.
    public func append(_ value: JSONValue) throws(Fault) {
        let line = Array((value.text(pretty: false) + "\n").utf8)
        let result: Result<Void, Fault> = line.withUnsafeBytes { buffer in
            do throws(Fault) {
                try OutputFile.writeAll(buffer, to: descriptor, path)
                return .success(try OutputFile.sync(descriptor, path))
            } catch { return .failure(error) }
        }
        if case .failure(let fault) = result {
            // Best effort: reading discards a torn line too.
            _ = ftruncate(descriptor, off_t(length))
            _ = lseek(descriptor, off_t(length), SEEK_SET)
            throw fault
        }
        length += line.count
    }

    /// The whole lines of a journal; none when there is no file.
    ///
    /// - Throws: `badData` when a line other than the last is damaged.
    public static func read(_ path: String) throws(Fault) -> [JSONValue] {
        guard FileSystem.existsUnfollowed(path) else { return [] }
        return try parse(path).lines
    }

    private static func parse(_ path: String) throws(Fault) -> (lines: [JSONValue], bytes: Int) {
        let text = try InputFile(path).contents(limit: 1 << 30)
        var lines: [JSONValue] = []
        var start = 0
        while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
            do throws(Fault) {
                lines.append(try JSONValue(parsing: text[start..<end]))
            } catch {
                if end + 1 == text.count { break }
                throw Fault(
                    .badData, "a line of the journal is damaged", file: path, place: "line \(lines.count + 1)",
                    found: error.summary, advice: "start the run again with --overwrite")
            }
            start = end + 1
        }
        return (lines, start)
    }
}
