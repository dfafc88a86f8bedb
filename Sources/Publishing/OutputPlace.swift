import Faults
import Files

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Where a run writes: the output folder, its staging folder `OUT.partial`, and the checks that come before any work.
public struct OutputPlace: Sendable {
    /// The folder that appears when the run is done.
    public let output: String
    public let overwrites: Bool

    public init(_ output: String, overwrite: Bool = false) {
        self.output = FileSystem.withoutTrailingSlashes(output)
        overwrites = overwrite
    }

    static let lockEnding = ".partial.lock"

    public var staging: String { output + ".partial" }
    var lock: String { output + OutputPlace.lockEnding }
    var parent: String { FileSystem.parent(output) }

    /// Checks all that can be known before work begins, and leaves nothing behind.
    ///
    /// - Parameters:
    ///   - inputs: files and folders that are read; the output may not be one of them, lie in one, or hold one.
    ///   - bytes: what the output will take on the disk.
    ///   - continuing: whether an interrupted run is continued, so that its staging folder is expected.
    /// - Throws: `usage` when output and input overlap, `outputExists` when the output is there and may not be
    ///   replaced or an interrupted run is in the way, `inputOutput` when the place cannot be written or is too small.
    public func check(inputs: [String], bytes: Int, continuing: Bool = false) throws(Fault) {
        try checkOverlap(inputs)
        guard FileSystem.kind(parent) == .folder else {
            throw Fault(
                .inputOutput, "the output's parent folder does not exist", file: output, expected: "a folder \(parent)",
                advice: "make it with `mkdir -p \(ShellWord.quoted(parent))`")
        }
        try checkName()
        try checkReplaceable()
        if !continuing { try checkLeftover(isLocked: false) }
        try checkWritable()
        try checkSpace(bytes)
    }

    private func checkOverlap(_ inputs: [String]) throws(Fault) {
        let name = FileSystem.last(output)
        guard !output.isEmpty, output != "/", name != ".", name != ".." else {
            throw Fault(.usage, "this cannot be an output folder", file: output, expected: "the name of a new folder")
        }
        let folder = FileSystem.resolved(output) ?? FileSystem.joined(FileSystem.resolved(parent) ?? parent, name)
        for input in inputs {
            guard let input = FileSystem.resolved(input) else { continue }
            if FileSystem.areSame(folder, input) {
                throw Fault(
                    .usage, "the output is the input", file: output, found: input, expected: "another folder",
                    advice: "choose a new folder; the input is never changed")
            }
            if FileSystem.isInside(folder, input) {
                throw Fault(
                    .usage, "the output is inside the input", file: output, found: "inside \(input)",
                    expected: "a folder outside the input", advice: "choose a folder outside the input")
            }
            if FileSystem.isInside(input, folder) {
                throw Fault(
                    .usage, "the input is inside the output", file: output, found: input,
                    expected: "an output folder that contains none of the inputs", advice: "choose a new folder")
            }
        }
    }

    /// The names beside the output are longer than its own.
    private func checkName() throws(Fault) {
        let name = FileSystem.last(output)
        let beside = FileSystem.last(lock).utf8.count - name.utf8.count
        let most = FileSystem.longestName(in: parent) - beside
        guard name.utf8.count <= most else {
            throw Fault(
                .usage, "the output's name is too long", file: output, found: "\(name.utf8.count) bytes",
                expected: "at most \(most) bytes, so that \(OutputPlace.lockEnding) can be appended",
                advice: "choose a shorter name")
        }
    }

    /// Only a folder that is empty or was published by us may be replaced: a mistyped path must not move a home folder
    /// away.
    func checkReplaceable() throws(Fault) {
        guard FileSystem.existsUnfollowed(output) else { return }
        guard overwrites else {
            throw Fault(
                .outputExists, "the output already exists", file: output,
                advice: "choose another folder, or use --overwrite to replace it (the old one is kept as "
                    + "\(FileSystem.last(output)).previous-1)")
        }
        guard FileSystem.kind(output) == .folder else {
            throw Fault(
                .outputExists, "the output exists and is not a folder", file: output, advice: "choose another name")
        }
        if try isEmpty(output) { return }
        do throws(Fault) {
            _ = try CompletionRecord(folder: output)
        } catch {
            throw Fault(
                .outputExists, "the output is a folder that this program did not make; it is not replaced",
                file: output, found: "no valid \(CompletionRecord.fileName) in it", advice: "choose another folder")
        }
    }

    /// Whether the folder at the path holds nothing, not even names that cannot be read.
    func isEmpty(_ folder: String) throws(Fault) -> Bool {
        let entries = try FileSystem.entries(in: folder)
        return entries.names.isEmpty && entries.unreadable.isEmpty
    }

    /// An interrupted run that got anywhere is worth resuming.
    ///
    /// - Parameter isLocked: whether this process holds the place.
    func checkLeftover(isLocked: Bool) throws(Fault) {
        // A run that is going is no interrupted one.
        if !isLocked, let running = StagingLock.running(lock, output: output) { throw running }
        guard let leftover = try leftover() else { return }
        guard leftover.isOurs else {
            throw Fault(
                .outputExists, "the staging folder is not an interrupted run of this output",
                file: staging,
                found: leftover.foreign, expected: "no such folder, or one that `espalier prune` left there",
                advice: "move it away, or choose another output")
        }
        guard leftover.committedLines == 0 || overwrites else {
            throw Fault(
                .outputExists, "there is an interrupted run, with \(leftover.committedLines) journal lines",
                file: staging,
                advice: "continue with `espalier resume \(ShellWord.quoted(output))`, or start over with --overwrite")
        }
        if let foreign = leftover.foreign {
            throw Fault(
                .outputExists,
                "the folder of an interrupted run, which would be emptied, contains a file that no run writes",
                file: FileSystem.joined(staging, foreign), advice: "move it away, then start again")
        }
    }

    /// What an earlier run left in the staging folder.
    public struct Leftover: Equatable, Sendable {
        /// Whether the folder carries the mark of a run with this output, or was left before it had one.
        public var isOurs: Bool
        /// Whole lines of its journal.
        public var committedLines: Int
        /// What this program did not put there: a name in the folder, or what the whole is where it is not ours.
        public var foreign: String?
    }

    /// Nil when there is no staging folder.
    ///
    /// - Throws: `badData` for a damaged journal, except where the run would be started over anyway.
    public func leftover() throws(Fault) -> Leftover? {
        guard let kind = FileSystem.kindUnfollowed(staging) else { return nil }
        func foreign(_ what: String) -> Leftover { Leftover(isOurs: false, committedLines: 0, foreign: what) }
        guard kind == .folder else {
            return foreign(FileSystem.isLink(staging) ? "a symbolic link" : "no folder")
        }
        guard let entries = StagedEntry.all(in: staging) else {
            // Another run has just given it its name.
            if !FileSystem.existsUnfollowed(staging) { return nil }
            return foreign("a folder that cannot be read")
        }
        var strange: String?
        var files = 0
        for entry in entries {
            switch entry {
            case .foreign(let name): strange = strange ?? name
            case .file, .mark, .folder: files += 1
            case .temporary: break
            }
        }
        // A run that was killed before its mark was whole has left nothing that could be lost.
        if files == 0, strange == nil { return Leftover(isOurs: true, committedLines: 0) }
        guard let mark = StagingMark(folder: staging) else {
            let isPublished = (try? CompletionRecord(folder: staging)) != nil
            return foreign(isPublished ? "a published model" : "a folder without a run's mark")
        }
        guard mark.isOf(output) else { return foreign("the run for an output named '\(mark.output)'") }
        let journal = FileSystem.joined(staging, Journal.fileName)
        guard FileSystem.kindUnfollowed(journal) == .file else {
            return Leftover(isOurs: true, committedLines: 0, foreign: strange)
        }
        do throws(Fault) {
            return Leftover(isOurs: true, committedLines: try Journal.read(journal).count, foreign: strange)
        } catch {
            guard overwrites, error.kind == .badData else { throw error }
            return Leftover(isOurs: true, committedLines: 1, foreign: strange)
        }
    }

    /// Permission bits do not tell of read-only disks, so a folder is made and removed.
    private func checkWritable() throws(Fault) {
        let probe = TemporaryName.beside(output)
        guard mkdir(probe, 0o700) == 0 else {
            throw Fault(
                .inputOutput, "the output's parent folder cannot be written", file: parent,
                found: FileSystem.reason(errno), advice: "choose another place for the output")
        }
        try FileSystem.removeFolder(probe)
    }

    private func checkSpace(_ bytes: Int) throws(Fault) {
        let free = try FileSystem.freeBytes(at: parent)
        guard free >= bytes else {
            throw Fault(
                .inputOutput, "the disk is too full for the output", file: parent, found: "\(free) bytes free",
                expected: "\(bytes) bytes", advice: "free some space, or choose another disk")
        }
    }
}
