import Calibration
import Checkpoints
import Faults
import Publishing
import Records

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
        let isCompact = subject.settings.method.removes == .units
        let linears = isCompact ? Set(subject.targets.weightNames()) : []
        var files = groups.map { group in
            // Of whole units that go, only the sum is known.
            let pruned = group.tensors.filter { linears.contains($0.name) }.reduce(0) { $0 + $1.byteCount }
            let gone = Int(Double(pruned) * subject.settings.sparsity.fraction)
            return File(
                name: group.name, bytes: SafetensorsWriter.fileSize(group.tensors) - gone, isExact: !isCompact)
        }
        weightBytes = files.reduce(0) { $0 + $1.bytes }
        if groups.count > 1 {
            let index = ShardName.indexBytes(groups.map { ($0.name, $0.tensors) })
            files.append(File(name: ShardName.index, bytes: index.count, isExact: true))
        }
        files.append(
            File(
                name: PublishedFile.configuration,
                bytes: subject.types.configuration.configurationBytes.count
                    + (isCompact ? 120 * subject.configuration.layerCount : 0), isExact: !isCompact))
        for file in subject.decoder.checkpoint.sideFiles {
            files.append(File(name: file.name, bytes: try file.byteCount(), isExact: true))
        }
        let recipe = subject.settings.publishedRecipe
        files.append(
            File(
                name: PublishedFile.recipe, bytes: recipe.utf8.count,
                isExact: subject.isCalibrated || !subject.settings.method.needsCalibration))
        // Results: what they say is not known, how much they say nearly.
        let names = subject.targets.weightNames().reduce(0) { $0 + $1.utf8.count + 9 }
        // About three words in four tokens, every 16th of their runs in 8 characters.
        let sketch = subject.samples * subject.tokens * 3 / 4 / CalibrationSketch.oneIn * 8
        files.append(File(name: PublishedFile.card, bytes: 1300 + recipe.utf8.count, isExact: false))
        files.append(
            File(
                name: PublishedFile.report,
                bytes: 1400 + names + sketch + 560 * subject.configuration.layerCount, isExact: false))
        let record = files.reduce(110) { $0 + $1.name.utf8.count + 130 }
        files.append(File(name: CompletionRecord.fileName, bytes: record, isExact: false))
        self.files = files
        stagingBytes =
            subject.files.stagingBytes(shardSize: limit) + files.reduce(0) { $0 + $1.bytes } - weightBytes
            + subject.settings.candidateBytes(subject.configuration, compute: subject.compute)
    }
}
