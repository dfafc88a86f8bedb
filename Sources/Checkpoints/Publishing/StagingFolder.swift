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
public final class StagingFolder: Sendable {
    static let mark = ".staging"

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
        let folder: StagingFolder
        do throws(Fault) {
            try place.check(inputs: inputs, bytes: bytes)
            folder = try StagingFolder(place)
        } catch {
            // Whoever holds the lock is the better explanation of a leftover.
            if error.kind == .outputExists, FileSystem.kind(place.lock) != nil { _ = try StagingFolder(place) }
            throw error
        }
        if try place.leftover() == nil {
            try FileSystem.makeFolder(place.staging)
        } else {
            // The mark goes last: should this be interrupted, the folder is still known as ours.
            for name in try FileSystem.names(in: place.staging) where name != mark {
                try FileSystem.removeFileOrFolder(folder.path(of: name))
            }
        }
        _ = try folder.write(mark, [])
        try FileSystem.syncFolder(place.parent)
        return folder
    }

    /// Takes up an interrupted run.
    ///
    /// - Throws: `missingInput` when there is neither a staging folder nor a published one, `outputExists` when the
    ///   run is still going.
    public static func resume(_ place: OutputPlace) throws(Fault) -> Resumption {
        guard let leftover = try place.leftover() else {
            if (try? CompletionRecord(folder: place.output)) != nil { return .finished }
            throw Fault(
                .missingInput, "there is no interrupted run for this output", file: place.output,
                expected: "a folder \(place.staging)", advice: "check the path, or start a run")
        }
        guard leftover.isOurs else {
            throw Fault(
                .badData, "this is not the folder of an interrupted run", file: place.staging,
                advice: "check the path, or start a run")
        }
        let folder = try StagingFolder(place)
        guard FileSystem.kind(place.staging) == .folder else { return try resume(place) }
        return .unfinished(folder)
    }

    /// The path of a file in the folder.
    public func path(of name: String) -> String { FileSystem.joined(path, name) }

    public func contains(_ name: String) -> Bool { FileSystem.kind(path(of: name)) == .file }

    /// Writes a whole file; its folder in this one is made when it is not there.
    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8]) throws(Fault) -> FileDigest {
        if name.contains("/") {
            let inner = FileSystem.parent(path(of: name))
            if FileSystem.kind(inner) == nil { try FileSystem.makeFolder(inner) }
        }
        let file = try OutputFile(path(of: name))
        try file.write(bytes)
        var digest = try file.finish()
        digest.name = name
        return digest
    }

    /// Copies a model's side file, byte for byte.
    @discardableResult
    public func copy(_ file: SideFile) throws(Fault) -> FileDigest { try write(file.name, try file.bytes()) }

    /// A shard to be written as a stream; it gets its name when its `finish()` returns.
    public func shard(_ name: String, _ tensors: [TensorDescription]) throws(Fault) -> SafetensorsWriter {
        try SafetensorsWriter(path(of: name), tensors)
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
        let file = try InputFile(path(of: name))
        return FileDigest(name: name, sha256: try file.digest(), bytes: file.size)
    }

    /// - Throws: `badData` when a committed file is missing or not what the journal says.
    public func check(_ expected: FileDigest) throws(Fault) {
        let found = contains(expected.name) ? try digest(expected.name) : nil
        guard found == expected else {
            throw Fault(
                .badData, "a file of the interrupted run is not as it was written", file: path(of: expected.name),
                found: found.map { "SHA-256 \($0.sha256)" } ?? "no file", expected: "SHA-256 \(expected.sha256)",
                advice: "start the run again with --overwrite")
        }
    }

    public func remove(_ name: String) throws(Fault) { try FileSystem.removeFile(path(of: name)) }

    /// Names of the files that are whole.
    public func names() throws(Fault) -> [String] {
        try FileSystem.paths(in: path).filter { name in
            name != StagingFolder.mark && name != CompletionRecord.fileName
                && !name.hasSuffix(OutputFile.temporaryEnding)
        }
    }

    /// Writes the completion record, gives the folder its final name, and moves what stood there to
    /// `OUT.previous-<n>`. Can be repeated after a crash at any point.
    ///
    /// - Parameter known: digests of files as they were written, to be trusted instead of reading them again.
    public func publish(known: [FileDigest] = []) throws(Fault) {
        var digests: [FileDigest] = []
        for name in try names() {
            let trusted = known.first { $0.name == name && $0.bytes == FileSystem.size(path(of: name)) }
            if let trusted { digests.append(trusted) } else { digests.append(try digest(name)) }
        }
        for name in try FileSystem.paths(in: path) where name.hasSuffix(OutputFile.temporaryEnding) {
            try remove(name)
        }
        try write(CompletionRecord.fileName, CompletionRecord(digests).bytes)
        try remove(StagingFolder.mark)
        try FileSystem.syncFolder(path)
        try place.checkReplaceable()
        if FileSystem.existsUnfollowed(place.output) {
            if try FileSystem.names(in: place.output).isEmpty {
                rmdir(place.output)
            } else {
                var number = 1
                while FileSystem.existsUnfollowed("\(place.output).previous-\(number)") { number += 1 }
                try FileSystem.rename(place.output, to: "\(place.output).previous-\(number)")
            }
        }
        try FileSystem.rename(path, to: place.output)
        try FileSystem.syncFolder(place.parent)
    }
}
