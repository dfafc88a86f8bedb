import Checkpoints
import Faults
import Files
import JSONText
import Publishing
import Records
import Torch

/// From committed parts to a folder that other software opens.
struct Publication {
    let context: RunContext
    /// What is written.
    let files: BlockFiles
    let staging: StagingFolder
    let journal: Journal
    /// The journal's lines after the first.
    let lines: [JSONValue]
    /// Whether a search's files stay in the output; those that do not were removed.
    let keepsCandidates: Bool
    let events: EventHandler

    /// Reports of the committed blocks, in order.
    func committedReports() -> [BlockReport] {
        lines.compactMap { $0.objectValue?["kind"]?.stringValue == "block" ? $0.objectValue?["report"] : nil }
            .compactMap(BlockReport.init(json:))
    }

    /// - Throws: `badData` when a part or shard that the journal names is not as it was written.
    func checkCommitted() throws(Fault) {
        let shards = try staging.committed(lines, kind: "shard")
        let merged = Set(plan().filter { shards.contains($0.name) }.flatMap(\.parts))
        for part in FileDigest.digests(lines, kind: "block") where !merged.contains(part.name) {
            try staging.check(part)
        }
    }

    private func plan() -> [ShardGroup] { files.groups(shardSize: context.settings.shardSize.bytes) }

    /// - Parameter documents: what stands beside the weights, the configuration and the files of the source.
    func publish(_ documents: [(name: String, bytes: [UInt8])]) throws(Fault) {
        var written = FileDigest.digests(lines, kind: "shard")
        let groups = plan()
        var shards: [(name: String, tensors: [TensorDescription])] = []
        for group in groups {
            if !written.contains(where: { $0.name == group.name }) {
                let digest = try merge(group)
                try journal.append(digest.line(kind: "shard"))
                written.append(digest)
            }
            for part in group.parts where staging.contains(part) { try staging.remove(part) }
            shards.append((group.name, try SafetensorsFile(staging.path(of: group.name)).tensors))
        }
        let all = written.filter { digest in groups.contains { $0.name == digest.name } }
        try staging.publish(all + keptCandidates() + rest(shards, documents)) { events(.publishing) }
        _ = try FolderVerification(staging.place.output)
    }

    /// Writes the files beside the weights.
    private func rest(
        _ shards: [(name: String, tensors: [TensorDescription])], _ documents: [(name: String, bytes: [UInt8])]
    ) throws(Fault) -> [FileDigest] {
        var files: [FileDigest] = []
        if shards.count > 1 { files.append(try staging.write(ShardName.index, ShardName.indexBytes(shards))) }
        files.append(
            try staging.write(
                PublishedFile.configuration, self.files.configurationJSON(context.types).configurationBytes))
        for file in context.decoder.checkpoint.sideFiles { files.append(try staging.copy(file)) }
        for document in documents { files.append(try staging.write(document.name, document.bytes)) }
        return files
    }

    /// Files of a search that are to stay in the output.
    private func keptCandidates() throws(Fault) -> [FileDigest] {
        guard keepsCandidates else { return [] }
        var kept: [FileDigest] = []
        // A file that was written again has a later line.
        for digest in FileDigest.digests(try Journal.read(journal.path), kind: "candidates") {
            kept.removeAll { $0.name == digest.name }
            kept.append(digest)
        }
        return kept
    }

    /// Writes a shard from its parts, tensor by tensor. Part 0, what is outside of the blocks, comes from the source.
    private func merge(_ group: ShardGroup) throws(Fault) -> FileDigest {
        let numbering = files.numbering
        var sources: [ExactText: (file: SafetensorsFile, name: String)] = [:]
        var tensors: [TensorDescription] = []
        for part in group.parts {
            guard part != BlockFiles.name(part: 0) else {
                tensors += files.tensors(part: 0).map(files.description)
                continue
            }
            let file = try SafetensorsFile(staging.path(of: part))
            for tensor in file.tensors {
                let name = numbering?.name(tensor.name) ?? tensor.name
                tensors.append(TensorDescription(name: name, shape: tensor.shape, type: tensor.type))
                sources[ExactText(name)] = (file, tensor.name)
            }
        }
        // A value outside of blocks that float16 cannot hold changes its tensor's type, which the header must know.
        var outside: [ExactText: [UInt8]] = [:]
        for (index, tensor) in tensors.enumerated() where sources[ExactText(tensor.name)] == nil {
            guard let source = context.decoder.checkpoint.tensor(tensor.name) else { continue }
            if source.type != tensor.type, tensor.type == .f16 {
                let converted = try files.converted(source)
                guard converted.tensor.type != tensor.type else { continue }
                tensors[index] = converted.tensor
                outside[ExactText(tensor.name)] = converted.bytes
            }
        }
        let writer = try staging.shard(group.name, tensors)
        for tensor in writer.order {
            let name = ExactText(tensor.name)
            if let source = sources[name] {
                try source.file.parts(source.name) { (part) throws(Fault) in try writer.write(tensor.name, part) }
            } else if let bytes = outside[name] {
                try writer.write(tensor.name, bytes)
            } else if let source = context.decoder.checkpoint.tensor(tensor.name), source.type == tensor.type {
                try context.decoder.checkpoint.storedParts(tensor.name) { (part) throws(Fault) in
                    try writer.write(tensor.name, part)
                }
            } else if let source = context.decoder.checkpoint.tensor(tensor.name) {
                try writer.write(tensor.name, try files.converted(source).bytes)
            }
        }
        return try writer.finish()
    }
}
