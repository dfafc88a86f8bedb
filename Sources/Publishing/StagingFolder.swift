import Checkpoints
import Faults
import Files
import JSONText

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The folder in which a run's output grows, `OUT.partial`, until `publish` gives it its name.
///
/// Every file in it is written under another name first and renamed when it is durable, so a file with its final name
/// is whole. A file's name may be "folder/name", nothing deeper. As long as the value lives, no other run can have the
/// same output.
///
/// The mark is its first file and goes when the folder has its final name. Of a folder without it, or with that of
/// another output, nothing is ever removed; nor of one that holds what no run writes.
public final class StagingFolder: Sendable {
    public let place: OutputPlace
    private let lock: StagingLock

    public var path: String { place.staging }

    /// Where an interrupted run stands.
    public enum Resumption: Sendable {
        /// The output is published; nothing is left to do.
        case finished
        case unfinished(StagingFolder)
    }

    private init(_ place: OutputPlace) throws(Fault) {
        self.place = place
        lock = try StagingLock(place.lock, output: place.output)
    }

    /// Starts a run: checks the place, takes the lock, and makes an empty staging folder.
    ///
    /// A leftover without journal lines is emptied; one with lines only with `overwrite`.
    public static func begin(_ place: OutputPlace, inputs: [String], bytes: Int) throws(Fault) -> StagingFolder {
        try place.check(inputs: inputs, bytes: bytes)
        let folder = try StagingFolder(place)
        // Again, now that nobody else can have the place.
        try place.checkReplaceable()
        try place.checkLeftover(isLocked: true)
        let isNew = try place.leftover() == nil
        if isNew { try FileSystem.makeFolder(place.staging) } else { try folder.empty() }
        do throws(Fault) {
            _ = try folder.write(StagingMark.fileName, StagingMark(output: place.output).bytes)
            try FileSystem.syncFolder(place.parent)
        } catch {
            if isNew { folder.discard() }
            throw error
        }
        return folder
    }

    /// Takes up an interrupted run.
    ///
    /// - Throws: `missingInput` when there is neither a staging folder nor a published one, `outputExists` when the
    ///   run is still going, `badData` for a folder that is no interrupted run's, or in which there is what no run
    ///   writes.
    public static func resume(_ place: OutputPlace) throws(Fault) -> Resumption {
        guard let leftover = try place.leftover() else {
            if (try? CompletionRecord(folder: place.output)) != nil {
                try finishPublished(place)
                return .finished
            }
            if let running = StagingLock.running(place.lock, output: place.output) { throw running }
            throw Fault(
                .missingInput, "there is no interrupted run for this output", file: place.output,
                expected: "a folder \(place.staging)", advice: "check the path, or start a run")
        }
        guard leftover.isOurs else {
            throw Fault(
                .badData, "this is not the folder of an interrupted run of this output", file: place.staging,
                found: leftover.foreign, advice: "check the path, or start a run")
        }
        let folder = try StagingFolder(place)
        guard FileSystem.existsUnfollowed(place.staging) else { return try resume(place) }
        try folder.checkOwn()
        return .unfinished(folder)
    }

    /// A run that was killed between the folder's last name and its end leaves its mark in it, and its lock.
    private static func finishPublished(_ place: OutputPlace) throws(Fault) {
        StagingLock.removeStale(place.lock, output: place.output)
        guard StagingMark(folder: place.output)?.isOf(place.output) == true else { return }
        try FileSystem.removeFile(FileSystem.joined(place.output, StagingMark.fileName))
        try FileSystem.syncFolder(place.output)
    }

    private func entries() throws(Fault) -> [StagedEntry] {
        guard let entries = StagedEntry.all(in: path) else {
            throw Fault(.inputOutput, "the folder of the run cannot be read", file: path)
        }
        return entries
    }

    /// - Throws: `badData` that names what no run has written.
    private func checkOwn() throws(Fault) {
        for case .foreign(let name) in try entries() { throw foreign(name) }
    }

    private func foreign(_ name: String) -> Fault {
        Fault(
            .badData, "the run's folder contains a file that the run did not write", file: path(of: name),
            expected: "regular files of the run",
            advice: "move it away, then continue with "
                + "`espalier resume \(ShellWord.quoted(place.output))`")
    }

    /// Removes what runs write, the mark last: should this be interrupted, the folder is still known as ours.
    private func empty() throws(Fault) {
        for entry in try entries() {
            switch entry {
            case .file(let name), .temporary(let name): try remove(name)
            case .folder(let name): try FileSystem.removeFolder(path(of: name))
            case .foreign(let name): throw foreign(name)
            case .mark: break
            }
        }
    }

    /// Removes the folder of a run that has nothing to go on with, as far as it can be removed.
    public func discard() {
        guard (try? empty()) != nil else { return }
        try? remove(StagingMark.fileName)
        try? FileSystem.removeFolder(path)
    }

    /// The path of a file in the folder.
    public func path(of name: String) -> String { FileSystem.joined(path, name) }

    /// Whether there is a file, and no link to one.
    public func contains(_ name: String) -> Bool { FileSystem.kindUnfollowed(path(of: name)) == .file }

    /// Writes a whole file; its folder in this one is made when it is not there.
    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8]) throws(Fault) -> FileDigest {
        try write(name) { (file) throws(Fault) in try file.write(bytes) }
    }

    private func write(_ name: String, _ content: (OutputFile) throws(Fault) -> Void) throws(Fault) -> FileDigest {
        if FileSystem.components(name).count > 1 {
            let inner = FileSystem.parent(path(of: name))
            switch FileSystem.kindUnfollowed(inner) {
            case nil: try FileSystem.makeFolder(inner)
            case .folder: break
            default: throw foreign(FileSystem.components(name)[0])
            }
        }
        if FileSystem.kindUnfollowed(path(of: name)) == .other { throw foreign(name) }
        let file = try OutputFile(path(of: name))
        try content(file)
        var digest = try file.finish()
        digest.name = name
        return digest
    }

    /// Copies a model's side file, byte for byte.
    @discardableResult
    public func copy(_ file: SideFile) throws(Fault) -> FileDigest {
        try write(file.name) { (output) throws(Fault) in
            try file.forEachPart { (part) throws(Fault) in try output.write(part) }
        }
    }

    /// A shard to be written as a stream; it gets its name when its `finish()` returns.
    public func shard(_ name: String, _ tensors: [TensorDescription]) throws(Fault) -> SafetensorsWriter {
        if FileSystem.kindUnfollowed(path(of: name)) == .other { throw foreign(name) }
        return try SafetensorsWriter(path(of: name), tensors)
    }

    /// Writes a whole shard from tensors in memory, in any order.
    ///
    /// - Parameter tensors: each tensor and its bytes, little-endian in its type.
    @discardableResult
    public func writeShard(
        _ name: String, _ tensors: [(tensor: TensorDescription, bytes: [UInt8])]
    ) throws(Fault) -> FileDigest {
        let writer = try shard(name, tensors.map(\.tensor))
        let positions = Dictionary(
            tensors.enumerated().map { (ExactText($1.tensor.name), $0) }, uniquingKeysWith: { first, _ in first })
        for tensor in writer.order {
            guard let position = positions[ExactText(tensor.name)] else { continue }
            try writer.write(tensor.name, tensors[position].bytes)
        }
        return try writer.finish()
    }

    /// The digest of a file that is there.
    public func digest(_ name: String) throws(Fault) -> FileDigest {
        let file = try InputFile(path(of: name), followsLink: false)
        return FileDigest(name: name, sha256: try file.digest(), bytes: file.size)
    }

    /// - Throws: `badData` when a committed file is missing or not what the journal says.
    public func check(_ expected: FileDigest) throws(Fault) {
        let found = contains(expected.name) ? try digest(expected.name) : nil
        guard found == expected else {
            throw Fault(
                .badData, "a file of the interrupted run has changed since it was written",
                file: path(of: expected.name),
                found: found.map { "SHA-256 \($0.sha256)" } ?? "no file", expected: "SHA-256 \(expected.sha256)",
                advice: "start the run again with --overwrite")
        }
    }

    public func remove(_ name: String) throws(Fault) { try FileSystem.removeFile(path(of: name)) }

    /// Names of the files that are whole.
    public func names() throws(Fault) -> [String] {
        try entries().compactMap { entry in
            guard case .file(let name) = entry, !FileSystem.areSame(name, CompletionRecord.fileName) else { return nil }
            return name
        }
    }

    /// Writes the completion record, removes the journal, gives the folder its final name, and moves what stood there
    /// to
    /// `OUT.previous-<n>`. After a crash before the journal is gone it can be repeated, after one after that
    /// `publishRecorded` does the rest.
    ///
    /// - Parameters:
    ///   - files: all that the folder is to hold, as it was written.
    ///   - willEnd: called when nothing but the folder's name is missing.
    /// - Throws: `badData` when the folder holds anything else.
    public func publish(_ files: [FileDigest], willEnd: () -> Void = {}) throws(Fault) {
        try check(files, besides: [Journal.fileName, CompletionRecord.fileName])
        try write(CompletionRecord.fileName, CompletionRecord(files).bytes)
        try remove(Journal.fileName)
        try FileSystem.syncFolder(path)
        willEnd()
        try takeName()
    }

    /// Whether a run was killed when nothing but the folder's name was missing.
    public var isRecorded: Bool {
        !FileSystem.existsUnfollowed(path(of: Journal.fileName)) && contains(CompletionRecord.fileName)
    }

    /// Gives the folder its name after a crash; every byte is compared with the record.
    public func publishRecorded() throws(Fault) {
        let record = try CompletionRecord(folder: path)
        try check(record.files, besides: [CompletionRecord.fileName])
        for file in record.files { try check(file) }
        try takeName()
    }

    /// Removes what killed processes were writing, and compares what is left with what there has to be.
    private func check(_ files: [FileDigest], besides others: [String]) throws(Fault) {
        let known = Set((files.map(\.name) + others).map { ExactText($0) })
        for entry in try entries() {
            switch entry {
            case .temporary(let name): try remove(name)
            case .foreign(let name): throw foreign(name)
            case .file(let name) where !known.contains(ExactText(name)): throw foreign(name)
            case .folder(let name):
                // An inner folder without a file of the run is left of another one.
                if try place.isEmpty(path(of: name)) { try FileSystem.removeFolder(path(of: name)) }
            case .file, .mark: break
            }
        }
        for file in files where !contains(file.name) || FileSystem.size(path(of: file.name)) != file.bytes {
            throw Fault(
                .badData, "a file of the run has changed since it was written", file: path(of: file.name),
                expected: "\(file.bytes) bytes", advice: "start the run again with --overwrite")
        }
    }

    private func takeName() throws(Fault) {
        try place.checkReplaceable()
        if FileSystem.existsUnfollowed(place.output) {
            // A link is moved aside as what it is: what it leads to is not ours.
            if !FileSystem.isLink(place.output), try place.isEmpty(place.output) {
                try FileSystem.removeFolder(place.output)
            } else {
                var number = 1
                while FileSystem.existsUnfollowed("\(place.output).previous-\(number)") { number += 1 }
                try FileSystem.rename(place.output, to: "\(place.output).previous-\(number)")
            }
        }
        try FileSystem.rename(path, to: place.output)
        // The mark was the proof that the folder is ours to rename.
        try FileSystem.removeFile(FileSystem.joined(place.output, StagingMark.fileName))
        try FileSystem.syncFolder(place.output)
        try FileSystem.syncFolder(place.parent)
    }
}
