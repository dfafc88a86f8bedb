import Checkpoints
import Faults
import Files
import JSONText
import Records

/// `COMPLETE.json`: the digest of every file of a published folder. It is written last, so that a folder with it is
/// whole.
public struct CompletionRecord: Equatable, Sendable {
    public static let fileName = PublishedFile.completion
    private static let format = "espalier"

    /// Sorted by name.
    public var files: [FileDigest]

    public init(_ files: [FileDigest]) {
        self.files = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// - Throws: `missingInput` when the folder has no record, `badData` when the record is not one of ours.
    public init(folder: String) throws(Fault) {
        let path = FileSystem.joined(folder, CompletionRecord.fileName)
        guard FileSystem.kind(folder) == .folder else {
            throw Fault(
                .missingInput, "the folder does not exist", file: folder, found: HubName.found(folder),
                advice: HubName.advice(folder))
        }
        guard FileSystem.kindUnfollowed(path) == .file else {
            throw Fault(
                .missingInput, "the folder has no \(CompletionRecord.fileName)", file: path,
                expected: "a folder that was published whole",
                advice: "resume the run if it was interrupted; a folder of another program cannot be verified")
        }
        let json = try JSONFile.object(path)
        func fault(_ place: String, _ found: String) -> Fault {
            Fault(
                .badData, "the completion record is damaged", file: path, place: place, found: found,
                expected: "the record of a published folder")
        }
        guard json["format"]?.stringValue == CompletionRecord.format, json["version"]?.integerValue == 1 else {
            throw fault("format", json["format"]?.kindName ?? "nothing")
        }
        guard let members = json["files"]?.objectValue else { throw fault("files", "no object") }
        var files: [FileDigest] = []
        for (name, value) in members.members {
            guard SafePath.isPlainPath(name), let entry = value.objectValue,
                let sha256 = entry["sha256"]?.stringValue, let bytes = entry["bytes"]?.integerValue
            else { throw fault("files.\(name)", value.kindName) }
            files.append(FileDigest(name: name, sha256: sha256, bytes: bytes))
        }
        self.init(files)
    }

    /// The file's content.
    public var bytes: [UInt8] {
        var members = JSONObject()
        for file in files {
            members[file.name] = .object(["bytes": .integer(file.bytes), "sha256": .string(file.sha256)])
        }
        let json = JSONValue.object([
            "format": .string(CompletionRecord.format), "version": .integer(1), "files": .object(members),
        ])
        return Array((json.text() + "\n").utf8)
    }
}
