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

    public var staging: String { output + ".partial" }
    var lock: String { output + ".partial.lock" }
    var parent: String { FileSystem.parent(output) }

    /// Checks all that can be known before work begins, and leaves nothing behind.
    ///
    /// - Parameters:
    ///   - inputs: files and folders that are read; the output may not be one of them, lie in one, or hold one.
    ///   - bytes: what the output will take on the disk.
    ///   - continuing: whether an interrupted run goes on, so that its staging folder is expected.
    /// - Throws: `usage` when output and input overlap, `outputExists` when the output is there and may not be
    ///   replaced or an interrupted run is in the way, `inputOutput` when the place cannot be written or is too small.
    public func check(inputs: [String], bytes: Int, continuing: Bool = false) throws(Fault) {
        try checkOverlap(inputs)
        guard FileSystem.kind(parent) == .folder else {
            throw Fault(
                .inputOutput, "the output's parent folder does not exist", file: output, expected: "a folder \(parent)",
                advice: "make it with `mkdir -p \(parent)`")
        }
        try checkReplaceable()
        if !continuing { try checkLeftover() }
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
            if folder == input {
                throw Fault(
                    .usage, "the output is the input", file: output, found: input, expected: "another folder",
                    advice: "choose a new folder; the input is never changed")
            }
            if folder.hasPrefix(input + "/") {
                throw Fault(
                    .usage, "the output lies inside the input", file: output, found: "inside \(input)",
                    expected: "a folder elsewhere", advice: "choose a folder beside the input")
            }
            if input.hasPrefix(folder + "/") {
                throw Fault(
                    .usage, "the input lies inside the output", file: output, found: input,
                    expected: "an output folder that holds none of the inputs", advice: "choose a new folder")
            }
        }
    }

    /// Only a folder that is empty or was published by us may be replaced: a mistyped path must not move a home folder
    /// away.
    func checkReplaceable() throws(Fault) {
        guard FileSystem.existsUnfollowed(output) else { return }
        guard overwrites else {
            throw Fault(
                .outputExists, "the output exists already", file: output,
                advice: "choose another folder, or use --overwrite to replace it (the old one is kept as "
                    + "\(FileSystem.last(output)).previous-1)")
        }
        guard FileSystem.kind(output) == .folder else {
            throw Fault(
                .outputExists, "the output exists and is not a folder", file: output, advice: "choose another name")
        }
        if try FileSystem.names(in: output).isEmpty { return }
        do throws(Fault) {
            _ = try CompletionRecord(folder: output)
        } catch {
            throw Fault(
                .outputExists, "the output is a folder that this program did not make; it is not replaced",
                file: output, found: "no valid \(CompletionRecord.fileName) in it", advice: "choose another folder")
        }
    }

    /// An interrupted run that got anywhere is worth resuming.
    private func checkLeftover() throws(Fault) {
        guard let leftover = try leftover() else { return }
        guard leftover.isOurs else {
            throw Fault(
                .outputExists, "a folder that this program did not make stands where the work is staged", file: staging,
                advice: "move it away, or choose another output")
        }
        guard leftover.committedLines == 0 || overwrites else {
            throw Fault(
                .outputExists, "an interrupted run is there, with \(leftover.committedLines) journal lines",
                file: staging, advice: "go on with `espalier resume \(output)`, or start over with --overwrite")
        }
    }

    /// What an earlier run left in the staging folder.
    public struct Leftover: Equatable, Sendable {
        /// Whether the folder carries our mark, or was left before the mark was whole.
        public var isOurs: Bool
        /// Whole lines of its journal.
        public var committedLines: Int
    }

    /// Nil when there is no staging folder.
    public func leftover() throws(Fault) -> Leftover? {
        guard FileSystem.existsUnfollowed(staging) else { return nil }
        guard FileSystem.kind(staging) == .folder else { return Leftover(isOurs: false, committedLines: 0) }
        let names = try FileSystem.names(in: staging)
        let ours =
            names.contains(StagingFolder.mark) || names.contains(CompletionRecord.fileName)
            || names.allSatisfy { $0.hasSuffix(OutputFile.temporaryEnding) }
        guard ours else { return Leftover(isOurs: false, committedLines: 0) }
        let lines = try Journal.read(FileSystem.joined(staging, Journal.fileName))
        return Leftover(isOurs: true, committedLines: lines.count)
    }

    /// Permission bits do not tell of read-only disks, so a folder is made and removed.
    private func checkWritable() throws(Fault) {
        let probe = output + ".probe-\(getpid())"
        guard mkdir(probe, 0o700) == 0 else {
            throw Fault(
                .inputOutput, "the output's parent folder cannot be written", file: parent,
                found: FileSystem.reason(errno), advice: "choose another place for the output")
        }
        rmdir(probe)
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
