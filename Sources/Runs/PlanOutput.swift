import Checkpoints
import Faults

/// The files that a run would publish, and the room that it needs on the way.
struct PlanOutput {
    struct File: Equatable {
        var name: String
        var bytes: Int
        /// Whether the size is known to the byte; the others hold results.
        var isExact: Bool
    }

    let files: [File]
    /// The most that the staging folder holds at once.
    let stagingBytes: Int

    var bytes: Int { files.reduce(0) { $0 + $1.bytes } }
    /// Weight files alone.
    let weightBytes: Int

    init(_ subject: PlanSubject) throws(Fault) {
        let limit = subject.settings.shardSize.bytes
        let groups = subject.files.groups(shardSize: limit)
        var files = groups.map {
            File(name: $0.name, bytes: SafetensorsWriter.fileSize($0.tensors), isExact: true)
        }
        weightBytes = files.reduce(0) { $0 + $1.bytes }
        if groups.count > 1 {
            let index = ShardName.indexBytes(groups.map { ($0.name, $0.tensors) })
            files.append(File(name: ShardName.index, bytes: index.count, isExact: true))
        }
        files.append(
            File(name: "config.json", bytes: subject.types.configuration.configurationBytes.count, isExact: true))
        for file in subject.decoder.checkpoint.sideFiles {
            files.append(File(name: file.name, bytes: try file.bytes().count, isExact: true))
        }
        let recipe = subject.settings.publishedRecipe
        files.append(
            File(
                name: "recipe.yaml", bytes: recipe.utf8.count,
                isExact: subject.isCalibrated || !subject.pruner.needsSamples))
        // Results: what they say is not known, how much they say nearly.
        let linears = subject.targets.weightNames().reduce(0) { $0 + $1.utf8.count + 9 }
        files.append(File(name: "README.md", bytes: 620 + recipe.utf8.count, isExact: false))
        files.append(
            File(
                name: Publication.reportName,
                bytes: 1400 + linears + 560 * subject.configuration.layerCount, isExact: false))
        let record = files.reduce(110) { $0 + $1.name.utf8.count + 130 }
        files.append(File(name: CompletionRecord.fileName, bytes: record, isExact: false))
        self.files = files
        stagingBytes =
            subject.files.stagingBytes(shardSize: limit) + files.reduce(0) { $0 + $1.bytes } - weightBytes
    }
}
