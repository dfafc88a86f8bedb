import Calibration
import Checkpoints
import Decoders
import Faults
import Files
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
    /// What the process may hold where there is a choice.
    let memory: Int
    /// A folder for hidden states that are beyond it; nil keeps them in memory all the same.
    var scratch: String?

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
        memory = RunContext.memory(settings, held: Machine.residentBytes)
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

    /// What a process that holds so much may hold where there is a choice.
    static func memory(_ settings: PruneSettings, held: Int) -> Int {
        settings.memory?.bytes ?? held + (FreeMemory.free() ?? 8 << 30) / 2
    }

    /// Bytes that blocks and hidden states may take beside what the process holds already.
    var memoryLeft: Int {
        Machine.returnFreedMemory()
        return max(0, memory - Machine.residentBytes)
    }

    /// Where hidden states of so many bytes go: nil is memory.
    func offload(_ bytes: Int) -> String? { settings.offload ?? (bytes > memoryLeft ? scratch : nil) }

    /// The number type in which hidden states are kept between blocks.
    var streamDType: DType {
        switch settings.streamDType {
        case .bfloat16: .bfloat16
        case .float16: .float16
        case .float32, .auto: .float32
        }
    }

    /// Bytes of some samples' hidden states.
    func streamBytes(_ tokens: TokenMatrix, samples: Int) -> Int {
        samples * tokens.columns * decoder.configuration.hiddenSize * streamDType.byteCount
    }

    /// The lane of some samples in front of the first block, and where it stays.
    ///
    /// - Parameters:
    ///   - samples: rows of the tokens; nil is all of them.
    ///   - count: streams of this size that the passage has, this one among them.
    func embeddedLane(
        _ tokens: TokenMatrix, samples: [Int]? = nil, of count: Int = 1
    ) throws(Fault) -> SampleLane {
        let place = offload(count * streamBytes(tokens, samples: samples?.count ?? tokens.rows))
        return lane(
            try embedded(tokens, samples: samples, offload: place), decoder.rotary(positions: tokens.columns))
    }

    /// What costs of changes are asked of: the dense model's passes on some samples.
    ///
    /// - Parameter progress: told the share of the passes forward that is done.
    func divergenceCosts(
        _ tokens: TokenMatrix, samples: [Int], progress: (Double) -> Void
    ) throws(Fault) -> DivergenceCosts {
        let input = try embeddedLane(tokens, samples: samples).stream
        return try DivergenceCosts(
            passage, input: input, batch: batch, seed: settings.seed, offload: settings.offload, bytes: memoryLeft / 2,
            progress: progress)
    }

    /// The stream in front of the first block.
    ///
    /// - Parameters:
    ///   - samples: rows of the tokens; nil is all of them.
    ///   - offload: a folder for it; nil keeps it in memory.
    func embedded(
        _ tokens: TokenMatrix, samples: [Int]? = nil, offload: String?
    ) throws(Fault) -> HiddenStream {
        let samples = samples ?? Array(0..<tokens.rows)
        let stream = try HiddenStream(
            samples: samples.count, tokens: tokens.columns, hidden: decoder.configuration.hiddenSize,
            dtype: streamDType, offload: offload)
        // As many tokens at a time as the vocabulary has: each time the table is read, and it bounds the memory.
        for range in stream.batches(of: max(1, decoder.configuration.vocabularySize / tokens.columns)) {
            let embedded = try decoder.embedded(samples[range].flatMap { tokens[$0] })
            try stream.write(
                embedded.reshaped([range.count, tokens.columns, stream.hidden]), at: range.lowerBound)
        }
        Machine.returnFreedMemory()
        return stream
    }

    /// The way through the dense model's blocks.
    var passage: Passage { Passage(decoder, compute: compute) }

    /// A stream on its way.
    func lane(_ stream: HiddenStream, _ rotary: RotaryTable) -> SampleLane {
        SampleLane(stream, rotary: rotary, batch: batch, device: decoder.device)
    }

    /// - Throws: `badData` that names the first weight with a value that is no number.
    func checkFinite(_ block: Block) throws(Fault) {
        for name in ProjectionName.allCases {
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
