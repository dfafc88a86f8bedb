import Checkpoints
import Faults
import JSONText
import Torch

/// From committed parts to a folder that other software opens.
struct Publication {
    let context: RunContext
    let staging: StagingFolder
    let journal: Journal
    /// The journal's lines behind the first.
    let lines: [JSONValue]

    static let reportName = "report.json"

    private func digests(kind: String) -> [FileDigest] {
        lines.compactMap { line in
            guard let object = line.objectValue, object["kind"]?.stringValue == kind,
                let name = object["file"]?.stringValue, let sha256 = object["sha256"]?.stringValue,
                let bytes = object["bytes"]?.integerValue
            else { return nil }
            return FileDigest(name: name, sha256: sha256, bytes: bytes)
        }
    }

    /// Reports of the committed blocks, in order.
    func committedReports() -> [BlockReport] {
        lines.compactMap { $0.objectValue?["kind"]?.stringValue == "block" ? $0.objectValue?["report"] : nil }
            .compactMap(BlockReport.init(json:))
    }

    /// - Throws: `badData` when a part or shard that the journal names is not as it was written.
    func checkCommitted() throws(Fault) {
        let shards = digests(kind: "shard")
        for shard in shards { try staging.check(shard) }
        let merged = Set(plan().filter { group in shards.contains { $0.name == group.name } }.flatMap(\.parts))
        for part in digests(kind: "block") where !merged.contains(part.name) { try staging.check(part) }
    }

    /// A file of the published folder and the parts that go into it.
    private struct Group {
        var name: String
        var parts: [String]
        var tensors: [TensorDescription]
    }

    /// Consecutive parts, together at most the shard size, by the sizes planned.
    private func plan() -> [Group] {
        let files = context.files
        var groups: [[(String, [TensorDescription])]] = [[]]
        var bytes = 0
        for part in 0...context.decoder.configuration.layerCount {
            let tensors = files.tensors(part: part).map(files.description)
            let size = tensors.reduce(0) { $0 + $1.byteCount }
            if bytes > 0, bytes + size > context.settings.shardSize.bytes {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append((BlockFiles.name(part: part), tensors))
            bytes += size
        }
        return groups.enumerated().map { index, parts in
            Group(
                name: ShardName.name(index + 1, of: groups.count), parts: parts.map(\.0), tensors: parts.flatMap(\.1))
        }
    }

    func publish(_ result: RunResult) throws(Fault) {
        var written = digests(kind: "shard")
        let groups = plan()
        var shards: [(name: String, tensors: [TensorDescription])] = []
        for group in groups {
            if !written.contains(where: { $0.name == group.name }) {
                let digest = try merge(group)
                try journal.append(
                    .object([
                        "kind": .string("shard"), "file": .string(digest.name), "sha256": .string(digest.sha256),
                        "bytes": .integer(digest.bytes),
                    ]))
                written.append(digest)
            }
            for part in group.parts where staging.contains(part) { try staging.remove(part) }
            shards.append((group.name, try SafetensorsFile(staging.path(of: group.name)).tensors))
        }
        if shards.count > 1 { try staging.write(ShardName.index, ShardName.indexBytes(shards)) }
        try staging.write("config.json", configuration().configurationBytes)
        for file in context.decoder.checkpoint.sideFiles { try staging.copy(file) }
        var recipe = context.settings.recipe()
        recipe.output = nil
        recipe.overwrite = nil
        try staging.write("recipe.yaml", Array(recipe.yaml().utf8))
        try staging.write("README.md", Array(ModelCard.text(result, recipe: recipe.yaml()).utf8))
        // The report comes last: with it in place and the journal gone, only the folder's name is missing.
        try staging.write(Publication.reportName, Array((result.report.text() + "\n").utf8))
        try staging.remove(PruneRun.journalName)
        try staging.publish(known: written)
        _ = try FolderVerification(staging.place.output)
    }

    /// Writes a shard from its parts, tensor by tensor. Part 0, what is outside of the blocks, comes from the source.
    private func merge(_ group: Group) throws(Fault) -> FileDigest {
        let files = context.files
        var sources: [ExactText: SafetensorsFile] = [:]
        var tensors: [TensorDescription] = []
        for part in group.parts {
            guard part != BlockFiles.name(part: 0) else {
                tensors += files.tensors(part: 0).map(files.description)
                continue
            }
            let file = try SafetensorsFile(staging.path(of: part))
            tensors += file.tensors
            for tensor in file.tensors { sources[ExactText(tensor.name)] = file }
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
            if let file = sources[name] {
                try writer.write(tensor.name, try file.bytes(tensor.name))
            } else if let bytes = outside[name] {
                try writer.write(tensor.name, bytes)
            } else if let source = context.decoder.checkpoint.tensor(tensor.name) {
                try writer.write(tensor.name, try files.converted(source).bytes)
            }
        }
        return try writer.finish()
    }

    /// The source's configuration with the number type as written, everything else untouched.
    private func configuration() -> JSONObject {
        let source = context.decoder.checkpoint.configuration
        guard let name = context.types.configurationName else { return source }
        let key = source["dtype"] != nil ? "dtype" : "torch_dtype"
        return source.edited([ConfigurationEdit(key, value: .string(name))])
    }
}
