import Checkpoints
import Faults
import Files
import JSONText

/// The intervals so far: a file of JSON lines to which each call appends one.
public enum WatchHistory {
    /// What the file holds.
    public struct Contents: Sendable {
        public var intervals: [WatchInterval]
        fileprivate var journal: Journal.Contents

        /// Bytes of a last line that a crash has torn; the next line takes its place.
        public var tornBytes: Int { journal.tornBytes }
    }

    /// The whole lines; a last one that a crash has torn is left out. None where there is no file.
    ///
    /// - Throws: `badData` for any other line that is no interval; `inputOutput` when the file cannot be read.
    public static func read(_ path: String) throws(Fault) -> [WatchInterval] { try contents(path).intervals }

    /// The same with what else is to be known of the file.
    public static func contents(_ path: String) throws(Fault) -> Contents {
        var intervals: [WatchInterval] = []
        // What is no interval, told apart from what is no JSON.
        var wrong: Fault?
        let journal: Journal.Contents
        do throws(Fault) {
            journal = try Journal.contents(path, sizeLimit: largestFile) { (line, number) throws(Fault) in
                if let interval = WatchInterval(line, after: intervals.last) { return intervals.append(interval) }
                let fault = Fault(
                    .badData, "a line of the history is not an interval of a known version", file: path,
                    place: "line \(number)",
                    expected: "version \(WatchInterval.version), written by `espalier watch`", advice: advice)
                wrong = fault
                throw fault
            }
        } catch {
            if let wrong { throw wrong }
            var fault = error
            if fault.kind == .badData {
                if fault.place != nil { fault.summary = "a line of the history is damaged" }
                fault.advice = advice
            }
            throw fault
        }
        return Contents(intervals: intervals, journal: journal)
    }

    /// More than 300,000 intervals.
    static let largestFile = 64 << 20

    private static let advice = "restore the file, or move it away to begin a new history"

    /// Appends a line, which is on the disk when this returns; a torn line is cut off first. Two processes that append
    /// at a time wait for each other.
    ///
    /// - Parameter first: given all intervals, the new one last, before it is written; what it throws leaves the
    ///   history
    ///   as it was.
    /// - Returns: all intervals, the new one last.
    /// - Throws: `notComparable` when the interval does not belong after those there are, `badData` when the history is
    ///   damaged, `inputOutput` when the disk refuses; the history is then as it was.
    @discardableResult
    public static func append(
        _ interval: WatchInterval, to path: String, first: ([WatchInterval]) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> [WatchInterval] {
        let lock = try FileLock(path)
        defer { withExtendedLifetime(lock) {} }
        let earlier = try contents(path)
        try check(interval, continues: earlier.intervals, file: path)
        let intervals = earlier.intervals + [interval]
        try first(intervals)
        try Journal(path, behind: earlier.journal).append(.object(interval.json))
        return intervals
    }

    /// Whether a line can be appended, so that it is told before the work.
    ///
    /// - Throws: `inputOutput` for links, for what is no file or cannot be written, and without a folder to make it in.
    public static func checkPlace(_ path: String) throws(Fault) {
        try GrowingFile.check(path, noun: "history")
    }

    /// The intervals of the newest baseline.
    public static func current(_ intervals: [WatchInterval]) -> ArraySlice<WatchInterval> {
        intervals[(intervals.lastIndex { $0.isNewBaseline } ?? 0)...]
    }

    /// - Throws: `notComparable` when the next interval does not belong after those there are.
    public static func check(_ next: WatchInterval, continues intervals: [WatchInterval], file: String) throws(Fault) {
        guard !next.isNewBaseline, let last = intervals.last else { return }
        let traits = [
            ("reference", last.reference, next.reference),
            // What a server was asked stands in the place of the type.
            (
                [last, next].contains { ServedMeasure(rawValue: $0.dtype) != nil } ? "measure" : "data type",
                last.dtype, next.dtype
            ),
        ]
        guard let (name, old, new) = traits.first(where: { $0.1 != $0.2 }) else {
            return try check(next.golden, continues: intervals, file: file)
        }
        throw Fault(
            .notComparable, "the history was measured with a different \(name)", file: file,
            place: "line \(intervals.count)", found: old, expected: new,
            advice: "use the settings of the history, or start a new baseline with --new-baseline")
    }

    /// - Throws: `notComparable` when the baseline was asked other golden prompts, or for answers of another length.
    private static func check(
        _ golden: WatchInterval.Golden?, continues intervals: [WatchInterval], file: String
    ) throws(Fault) {
        guard let golden, let index = current(intervals).lastIndex(where: { $0.golden != nil }),
            let earlier = intervals[index].golden, !earlier.digest.utf8.elementsEqual(golden.digest.utf8)
        else { return }
        throw Fault(
            .notComparable, "the history has the answers to other golden prompts", file: file,
            place: "line \(index + 1)", found: "SHA-256 \(earlier.digest)", expected: golden.digest,
            advice: "use the golden prompts, and the --max-tokens, of the history, or start a new baseline with "
                + "--new-baseline")
    }
}
