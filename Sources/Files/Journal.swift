import Faults
import JSONText

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An append-only file of JSON lines; a line that is there is on the disk, and what it tells of was on the disk before.
///
/// A crash can tear the last line only: it then lacks its end. It is discarded on reading, and cut off before the next
/// line is appended. A line that has its end was whole once, so one that cannot be read is damage, wherever it stands.
public final class Journal {
    public static let fileName = "journal.jsonl"

    public let path: String
    private let descriptor: Int32
    private var length: Int
    /// Whole lines.
    public private(set) var count: Int

    /// Opens or makes a journal to append to.
    ///
    /// - Parameter known: what it holds, for a caller that has read it and lets nobody else write; nil reads it.
    /// - Throws: `badData` for a damaged journal, `inputOutput` when it cannot be written or is not what is known.
    public init(_ path: String, behind known: Contents? = nil) throws(Fault) {
        let found: Contents
        if let known { found = known } else { found = try Journal.contents(path) }
        let kept = found.wholeBytes
        count = found.count
        self.path = path
        length = kept
        // Without waiting: what took the journal's name may be a pipe.
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else { throw FileSystem.failure("the journal cannot be written", path, errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, FileSystem.kind(ofMode: status.st_mode) == .file else {
            throw Fault(.badData, "the journal is not a regular file", file: path)
        }
        // What stands after the lines that were read would be cut off unseen.
        guard status.st_size == kept + found.tornBytes else {
            throw Fault(
                .inputOutput, "the journal was changed while it was being read", file: path,
                found: "\(status.st_size) bytes now", expected: "\(kept + found.tornBytes) bytes",
                advice: "run again when nothing else writes to it")
        }
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
        count += 1
    }

    /// The whole lines of a journal; none when there is no file.
    ///
    /// - Throws: `badData` when a line is damaged.
    public static func read(_ path: String) throws(Fault) -> [JSONValue] { try contents(path).lines }

    /// What a journal holds.
    public struct Contents: Sendable {
        public var lines: [JSONValue] = []
        /// Whole lines, also of those that were handed out one at a time.
        public var count = 0
        /// Bytes of the whole lines.
        public var wholeBytes = 0
        /// Bytes of a last line that a crash has torn, and that the next line will replace.
        public var tornBytes = 0
    }

    /// - Throws: `badData` when a line is damaged.
    public static func contents(_ path: String) throws(Fault) -> Contents {
        guard FileSystem.existsUnfollowed(path) else { return Contents() }
        var lines: [JSONValue] = []
        var contents = try contents(path, sizeLimit: 1 << 30) { (line, _) throws(Fault) in lines.append(line) }
        contents.lines = lines
        return contents
    }

    /// Hands out the lines one at a time, so that only the text of all is in memory.
    ///
    /// - Parameters:
    ///   - sizeLimit: bytes that the file may have.
    ///   - take: given a line and its number, from 1.
    /// - Returns: what else is to be known; nothing when there is no file.
    /// - Throws: `badData` when a line is damaged or the file too large; what `take` throws.
    public static func contents(
        _ path: String, sizeLimit: Int, take: (JSONValue, Int) throws(Fault) -> Void
    ) throws(Fault) -> Contents {
        guard FileSystem.existsUnfollowed(path) else { return Contents() }
        let text = try InputFile(path).contents(limit: sizeLimit)
        var contents = Contents()
        var start = 0
        while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
            contents.count += 1
            let line: JSONValue
            do throws(Fault) { line = try JSONValue(parsing: text[start..<end]) } catch {
                throw Fault(
                    .badData, "a line of the journal is damaged", file: path, place: "line \(contents.count)",
                    found: error.summary, advice: "start the run again with --overwrite")
            }
            try take(line, contents.count)
            start = end + 1
        }
        contents.wholeBytes = start
        contents.tornBytes = text.count - start
        return contents
    }
}
