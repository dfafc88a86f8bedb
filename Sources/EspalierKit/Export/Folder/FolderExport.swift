import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Publishing
import Recipes
import Records
import Runs
import Settings

/// What `export --to deci`, `transformers` and `padded` do, apart from their command line.
public struct FolderExport {
    /// Path of the model: a folder, or a GGUF file.
    public var model: String
    /// The folder to write.
    public var output: String
    /// deci, transformers or padded.
    public var layout: ServingLayout
    /// The type of the weights; `auto` is the model's own.
    public var type: NumberFormat
    /// Whether a folder of this program's that is there is replaced.
    public var overwrites: Bool
    /// A shard's size.
    var shardSize = ByteSize.fiveGigabytes.bytes

    public init(
        model: String, output: String, layout: ServingLayout, type: NumberFormat = .auto, overwrites: Bool = false
    ) {
        (self.model, self.output, self.layout) = (model, output, layout)
        (self.type, self.overwrites) = (type, overwrites)
    }

    /// Writes the folder whole, or leaves what was there.
    ///
    /// - Parameter check: asked again and again while files are written.
    /// - Throws: `outputExists` for a folder that is there, `badData` for a model that the layout cannot hold,
    ///   `missingInput` without weights, `inputOutput`, and what `check` throws.
    public func write(_ reporter: any Reporter, check: ExportCheck = {}) throws(Fault) -> FolderExportReport {
        let place = OutputPlace(output, overwrite: overwrites)
        try place.check(inputs: [model], bytes: 0)
        let opened = try OpenedModel(model)
        opened.warnings.forEach(reporter.warning)
        let (configuration, checkpoint) = (opened.configuration, opened.checkpoint)
        let file = checkpoint.format == .gguf ? checkpoint.path : FileSystem.joined(checkpoint.path, "config.json")
        if let refusal = layout.refusal(of: configuration) {
            throw Fault(
                .badData, "the layout \(layout.text) cannot hold this model: \(refusal.reason)", file: file,
                found: refusal.found, expected: refusal.expected,
                advice: "export with --to transformers or --to padded")
        }
        let types = OutputTypes(checkpoint, choice: type)
        let told = checkpoint.configuration["num_attention_heads"]?.integerValue ?? configuration.widest.headCount
        let layers = try FolderLayers(layout, configuration, toldHeads: told, file: file)
        if let fault = zeroNorms(layers, configuration, file: file) { throw fault }
        let document = FolderConfiguration(
            layout: layout, layers: layers, configuration: configuration, source: types.configuration)
        let json = document.json
        try document.check(json, file: file)
        let groups = FolderTensors(
            checkpoint: checkpoint, layers: layers, configuration: configuration, types: types
        ).groups
        var report = FolderExportReport(
            model: model, output: output, layout: layout, configuration: configuration, layers: layers,
            usesFactors: document.usesFactors, tensors: groups.flatMap { $0 }.map(\.tensor),
            rounded: rounded(groups, checkpoint))

        let shards = shards(groups)
        let bytes = shards.reduce(0) { $0 + SafetensorsWriter.fileSize($1.map(\.tensor)) }
        try check()
        let staging = try StagingFolder.begin(place, inputs: [model], bytes: bytes)
        do throws(Fault) {
            reporter.begin("writing", total: Double(bytes), unit: "bytes")
            var files = try write(shards, checkpoint, to: staging, reporter, check)
            files.append(try staging.write(PublishedFile.configuration, json.configurationBytes))
            for file in checkpoint.sideFiles { files.append(try staging.copy(file)) }
            for file in FolderCode.files(layout, family: configuration.family.name) {
                files.append(try staging.write(file.name, Array(file.text.utf8)))
            }
            let card = ExportCard.text(report, source: checkpoint)
            files.append(try staging.write(PublishedFile.card, Array(card.utf8)))
            try checkpoint.checkUnchanged()
            try check()
            try staging.publish(files)
            reporter.finish()
            report.files = files
        } catch {
            staging.discard()
            throw error
        }
        return report
    }

    /// The norms of a half of zeros divide zero by the root of ε.
    private func zeroNorms(_ layers: FolderLayers, _ configuration: DecoderConfiguration, file: String) -> Fault? {
        let norms = configuration.blueprint.layers.flatMap(\.norms)
        let hasInner = norms.contains { $0.place != .attentionInput && $0.place != .feedForwardInput }
        guard configuration.normEpsilon == 0, hasInner, layers.layers.contains(where: \.isPadded) else { return nil }
        return Fault(
            .badData, "heads of zeros would become no numbers in this model's norms", file: file,
            place: "key 'rms_norm_eps'", found: "0", expected: "a positive number")
    }

    /// Types that cannot hold all numbers of the model's own, so that weights are rounded.
    private func rounded(_ groups: [[FolderTensor]], _ checkpoint: Checkpoint) -> [StoredType] {
        var types: Set<StoredType> = []
        for tensor in groups.flatMap({ $0 }) {
            guard case .padded(let name, _, _) = tensor.source, let own = checkpoint.tensor(name) else { continue }
            // What is read as float32 was so, or was made of blocks.
            if tensor.tensor.type != own.type, tensor.tensor.type != .f32 || own.type == .f64 {
                types.insert(tensor.tensor.type)
            }
        }
        return StoredType.allCases.filter(types.contains)
    }

    /// Groups one after the other, together at most a shard's size.
    private func shards(_ groups: [[FolderTensor]]) -> [[FolderTensor]] {
        var shards: [[FolderTensor]] = [[]]
        var bytes = 0
        for group in groups {
            let size = group.reduce(0) { $0 + $1.tensor.byteCount }
            if bytes > 0, bytes + size > shardSize {
                shards.append([])
                bytes = 0
            }
            shards[shards.count - 1] += group
            bytes += size
        }
        return shards
    }

    private func write(
        _ shards: [[FolderTensor]], _ checkpoint: Checkpoint, to staging: StagingFolder, _ reporter: any Reporter,
        _ check: ExportCheck
    ) throws(Fault) -> [FileDigest] {
        var files: [FileDigest] = []
        var names: [(name: String, tensors: [TensorDescription])] = []
        for (index, shard) in shards.enumerated() {
            let name = ShardName.name(index + 1, of: shards.count)
            let writer = FolderTensorWriter(
                checkpoint: checkpoint, shard: try staging.shard(name, shard.map(\.tensor)))
            var planned: [ExactText: FolderTensor] = [:]
            for tensor in shard { planned[ExactText(tensor.tensor.name)] = tensor }
            for tensor in writer.shard.order {
                guard let planned = planned[ExactText(tensor.name)] else { continue }
                try writer.write(planned) { (count) throws(Fault) in
                    reporter.advance(by: Double(count))
                    try check()
                }
            }
            files.append(try writer.shard.finish())
            names.append((name, shard.map(\.tensor)))
        }
        if shards.count > 1 {
            files.append(try staging.write(ShardName.index, ShardName.indexBytes(names)))
        }
        return files
    }
}
