import Checkpoints
import Faults
import Files
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The intervals so far: a file of JSON lines to which each call appends one.
public enum WatchHistory {
    /// The whole lines; a last one that a crash has torn is left out. None where there is no file.
    ///
    /// - Throws: `badData` for any other line that is no interval; `inputOutput` when the file cannot be read.
    public static func read(_ path: String) throws(Fault) -> [WatchInterval] {
        let lines: [JSONValue]
        do throws(Fault) {
            lines = try Journal.read(path)
        } catch {
            var fault = error
            if fault.kind == .badData {
                fault.summary = "a line of the history is damaged"
                fault.advice = advice
            }
            throw fault
        }
        var intervals: [WatchInterval] = []
        for (index, line) in lines.enumerated() {
            guard let interval = WatchInterval(line) else {
                throw Fault(
                    .badData, "a line of the history is no interval of a version that is known", file: path,
                    place: "line \(index + 1)",
                    expected: "version \(WatchInterval.version), written by `espalier watch`",
                    advice: advice)
            }
            intervals.append(interval)
        }
        return intervals
    }

    /// Bytes of a last line that a crash has torn; the next line takes its place.
    public static func tornBytes(_ path: String) throws(Fault) -> Int { try Journal.contents(path).tornBytes }

    private static let advice = "restore the file, or move it away to begin a new history"

    /// Appends a line, which is on the disk when this returns; a torn line is cut off first. Two processes that append at a
    /// time wait for each other.
    ///
    /// - Parameter first: given all intervals, the new one last, before it is written; what it throws leaves the history
    ///   as it was.
    /// - Returns: all intervals, the new one last.
    /// - Throws: `notComparable` when the interval does not belong behind those there are, `badData` when the history is
    ///   damaged, `inputOutput` when the disk refuses; the history is then as it was.
    @discardableResult
    public static func append(
        _ interval: WatchInterval, to path: String, first: ([WatchInterval]) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> [WatchInterval] {
        let lock = try FileLock(path)
        defer { withExtendedLifetime(lock) {} }
        let intervals = try read(path)
        try check(interval, continues: intervals, file: path)
        try first(intervals + [interval])
        try Journal(path).append(.object(interval.json))
        return intervals + [interval]
    }

    /// Whether a line can be appended, so that it is told before the work.
    ///
    /// - Throws: `inputOutput` for links, for what is no file or cannot be written, and without a folder to make it in.
    public static func checkPlace(_ path: String) throws(Fault) {
        guard FileSystem.existsUnfollowed(path) else {
            guard access(FileSystem.parent(path), W_OK | X_OK) == 0 else {
                throw FileSystem.failure("the history's folder cannot be written", path, errno)
            }
            return
        }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        let code = errno
        defer { if descriptor >= 0 { close(descriptor) } }
        if descriptor < 0, code == ELOOP {
            throw Fault(
                .inputOutput, "the history is a symbolic link", file: path, expected: "a file of its own",
                advice: "name the file that it leads to")
        }
        guard descriptor >= 0 else { throw FileSystem.failure("the history cannot be written", path, code) }
        guard FileSystem.kind(path) == .file else {
            throw Fault(.inputOutput, "the history is not a regular file", file: path, expected: "a file of JSON lines")
        }
    }

    /// The intervals of the newest baseline.
    public static func current(_ intervals: [WatchInterval]) -> ArraySlice<WatchInterval> {
        intervals[(intervals.lastIndex { $0.isNewBaseline } ?? 0)...]
    }

    /// - Throws: `notComparable` when the next interval does not belong behind those there are.
    public static func check(_ next: WatchInterval, continues intervals: [WatchInterval], file: String) throws(Fault) {
        guard !next.isNewBaseline, let last = intervals.last else { return }
        let traits = [
            ("reference", last.reference, next.reference), ("number type", last.dtype, next.dtype),
        ]
        guard let (name, old, new) = traits.first(where: { $0.1 != $0.2 }) else { return }
        throw Fault(
            .notComparable, "the history was measured with another \(name)", file: file,
            place: "line \(intervals.count)", found: old, expected: new,
            advice: "use what the history was made with, or begin anew with --new-baseline")
    }
}
