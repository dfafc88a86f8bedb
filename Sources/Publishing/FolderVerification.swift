import Checkpoints
import Faults
import Files
import JSONText
import Records

/// Holds a published folder against its completion record and opens it.
public struct FolderVerification: Sendable {
    /// What was found to be sound.
    public let record: CompletionRecord
    public let checkpoint: Checkpoint
    /// Names of files in the folder that the record does not vouch for.
    public let unrecorded: [String]

    /// Reads every byte: size and digest of every file, the headers of all shards, the index and every tensor in it.
    ///
    /// - Throws: `missingInput` when the record or a file is missing, `badData` when a file is not as it was
    ///   published or the checkpoint does not open.
    public init(_ folder: String) throws(Fault) {
        let record = try CompletionRecord(folder: folder)
        for expected in record.files {
            // A record may not vouch for a file elsewhere, behind a link that took a folder's place.
            let path = try SafePath.checked(folder, expected.name)
            let file = try InputFile(path)
            guard file.size == expected.bytes else {
                throw FolderVerification.changed(path, "\(file.size) bytes", "\(expected.bytes) bytes")
            }
            let digest = try file.digest()
            guard digest == expected.sha256 else {
                throw FolderVerification.changed(path, "SHA-256 \(digest)", expected.sha256)
            }
        }
        let checkpoint = try Checkpoint.open(folder)
        let known = Set((record.files.map(\.name) + [CompletionRecord.fileName]).map { ExactText($0) })
        unrecorded =
            try FileSystem.paths(in: folder).filter { !known.contains(ExactText($0)) }
            + FileSystem.entries(in: folder).unreadable
        for weights in checkpoint.weightFiles where !known.contains(ExactText(weights.name)) {
            throw Fault(
                .badData, "a file of weights is not in the completion record",
                file: FileSystem.joined(folder, weights.name))
        }
        // Without it the weights are another model.
        guard known.contains(ExactText(PublishedFile.configuration)) else {
            throw Fault(
                .badData, "the model's configuration is not in the completion record",
                file: FileSystem.joined(folder, PublishedFile.configuration))
        }
        self.record = record
        self.checkpoint = checkpoint
    }

    private static func changed(_ path: String, _ found: String, _ expected: String) -> Fault {
        Fault(
            .badData, "the file has changed since it was published", file: path, found: found, expected: expected,
            advice: "copy the folder again, or repeat the run")
    }
}
