import Calibration
import Checkpoints
import Decoders
import Faults
import Pruning
import Recipes
import Torch

/// Everything that is settled before a run's first block: model, goals, calibration tokens, types, device.
public struct RunContext {
    public let settings: PruneSettings
    public let decoder: Decoder
    public internal(set) var targets: PruneTargets
    public let types: OutputTypes
    public internal(set) var pruner: any BlockPruner
    /// Nil for a method that looks at no data when none was given.
    public let calibration: CalibrationSet?
    /// Number type of the matrix products.
    public let compute: DType
    public let warnings: [String]

    /// - Throws: `Fault` of kind `usage` when the goals fit no linear or the method lacks its calibration text.
    public init(
        _ settings: PruneSettings, decoder: Decoder, compute: DType, calibration: CalibrationSet?
    ) throws(Fault) {
        self.settings = settings
        self.decoder = decoder
        self.compute = compute
        self.calibration = calibration
        types = OutputTypes(decoder.checkpoint, choice: settings.outputDType)
        pruner = settings.pruner()
        targets = try PruneTargets(settings, configuration: decoder.configuration)
        try settings.checkSamples(calibration?.tokens.rows ?? 0, needed: pruner.needsSamples)
        warnings =
            RunContext.filesLeft(decoder.checkpoint) + SourceCard(decoder.checkpoint).warnings
            + (calibration?.warnings ?? [])
            + RunContext.warnings(
                settings, pruner, samples: calibration?.tokens.rows ?? 0, tokens: calibration?.tokens.columns ?? 0,
                configuration: decoder.configuration)
    }

    /// The calibration text of a walk that cannot do without.
    ///
    /// - Throws: `usage` when there is none.
    func requireTokens() throws(Fault) -> TokenMatrix {
        try settings.checkSamples(calibration?.tokens.rows ?? 0, needed: true)
        guard let tokens = calibration?.tokens else { throw settings.needsCalibration }
        return tokens
    }

    /// What of the model's folder the output will not hold.
    static func filesLeft(_ checkpoint: Checkpoint) -> [String] {
        let names = checkpoint.filesLeft
        guard !names.isEmpty else { return [] }
        let shown =
            names.prefix(12).map { LegibleText.of($0, limit: 100) }.joined(separator: ", ")
            + (names.count > 12 ? ", and \(names.count - 12) more" : "")
        return ["\(checkpoint.path): not copied to the output: \(shown)"]
    }

    /// What is thin about the calibration text, and what the model's shape does not allow.
    static func warnings(
        _ settings: PruneSettings, _ pruner: any BlockPruner, samples: Int, tokens: Int,
        configuration: DecoderConfiguration
    ) -> [String] {
        var list: [String] = []
        let widest = max(configuration.widest.intermediateSize, configuration.hiddenSize)
        // What a search measures on makes no candidates.
        let seen = settings.structure == nil ? samples : SearchSplit.calibrated(of: samples).count
        if pruner.needsSamples, samples > 0, seen * tokens < widest {
            list.append(
                "\(seen * tokens) calibration tokens are fewer than the \(widest) columns of the widest linear: its "
                    + "statistics are rank-deficient, use more")
        }
        if settings.structure != nil, configuration.widest.keyValueHeadCount == 1 {
            list.append(
                "attention has one key-value head: it can lose query heads or go as a whole, and the key-value cache "
                    + "shrinks by whole layers only")
        }
        return list
    }

    var files: BlockFiles {
        BlockFiles(checkpoint: decoder.checkpoint, configuration: decoder.configuration, types: types)
    }

    /// The most bytes of weights that the run holds on the disk at once.
    public var stagingBytes: Int {
        files.stagingBytes(shardSize: settings.shardSize.bytes)
            + settings.candidateBytes(decoder.configuration)
    }

    /// Samples in one forward pass without gradients: enough rows for the matrix products' full speed, few enough that
    /// a block's intermediate results stay near the processor.
    var batch: Int { max(1, RunContext.batchTokens / max(1, calibration?.tokens.columns ?? 1)) }
    static let batchTokens = 2048

    /// The number type in which hidden states are kept between blocks.
    var streamDType: DType {
        switch settings.streamDType {
        case .bfloat16: .bfloat16
        case .float16: .float16
        case .float32, .auto: .float32
        }
    }

    /// The stream in front of the first block.
    ///
    /// - Parameter samples: rows of the tokens; nil is all of them.
    func embedded(_ tokens: TokenMatrix, samples: [Int]? = nil) throws(Fault) -> HiddenStream {
        let samples = samples ?? Array(0..<tokens.rows)
        let stream = try HiddenStream(
            samples: samples.count, tokens: tokens.columns, hidden: decoder.configuration.hiddenSize,
            dtype: streamDType, offload: settings.offload)
        // As many tokens at a time as the vocabulary has: each time the table is read, and it bounds the memory.
        for range in stream.batches(of: max(1, decoder.configuration.vocabularySize / tokens.columns)) {
            let embedded = try decoder.embedded(samples[range].flatMap { tokens[$0] })
            try stream.write(
                embedded.reshaped([range.count, tokens.columns, stream.hidden]), at: range.lowerBound)
        }
        Machine.returnFreedMemory()
        return stream
    }

    /// Replaces a stream by what a block makes of it.
    func forward(_ block: Block, _ stream: HiddenStream, _ rotary: RotaryTable) throws(Fault) {
        let working = block.to(compute)
        for range in stream.batches(of: batch) {
            let x = try stream.read(range).to(decoder.device)
            try stream.write(Engine.withoutGradient { working(x, rotary: rotary) }, at: range.lowerBound)
        }
    }

    /// - Throws: `badData` that names the first weight with a value that is no number.
    func checkFinite(_ block: Block) throws(Fault) {
        for name in block.projections {
            for (linear, rows) in block[name].rows(of: block[name].weight) where !rows.allFinite() {
                throw Fault(
                    .badData, "the model's weights are not all numbers", file: decoder.checkpoint.path,
                    place: "tensor '\(linear.weightName(layer: block.geometry.layer))'", found: "NaN or infinity",
                    advice: "download the checkpoint again; `espalier inspect` lists all such tensors")
            }
        }
    }

    /// The first line of the run's journal.
    func record() throws(Fault) -> RunRecord {
        return RunRecord(
            recipe: settings.publishedRecipe, model: try Fingerprint.of(decoder.checkpoint),
            calibration: calibration?.tokens.digest ?? "none",
            engine: "torch \(Engine.loadedVersion), \(compute)", threads: Engine.threads)
    }
}
