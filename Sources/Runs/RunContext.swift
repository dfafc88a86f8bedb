import Calibration
import Checkpoints
import Decoders
import Faults
import Files
import Pruning
import Settings
import Torch

/// Everything that is settled before the first block of a run that publishes a model, whatever it does to the blocks:
/// model, calibration tokens, types, device.
public struct RunContext {
    public let settings: RunSettings
    public internal(set) var decoder: Decoder
    public let types: OutputTypes
    /// Nil for a run that looks at no data when none was given.
    public let calibration: CalibrationSet?
    /// Number type of the matrix products.
    public let compute: DType
    /// What may be held where there is a choice: on the device, and by the process.
    let memory: MemoryLimit
    /// Who else works on the calibration samples.
    let ranks = Ranks.alone
    private let processMemory: MemoryLimit
    /// A folder for hidden states that are beyond it; nil keeps them in memory all the same.
    var scratch: String?

    public init(_ settings: RunSettings, decoder: Decoder, compute: DType, calibration: CalibrationSet?) {
        self.settings = settings
        self.decoder = decoder
        self.compute = compute
        self.calibration = calibration
        types = OutputTypes(decoder.checkpoint, choice: settings.outputDType)
        memory = MemoryLimit(settings.memory, device: decoder.device)
        // A GPU's limit says nothing of the process.
        processMemory = decoder.device == .cpu ? memory : MemoryLimit(nil, device: .cpu)
    }

    /// What may be held where there is a choice, in bytes: of the GPU's memory when it computes there, else of the
    /// process's. What is written does not depend on it.
    public var memoryLimitBytes: Int { memory.bytes }
    /// Whether that is the GPU's memory.
    public var limitsGPU: Bool { memory.device != .cpu }

    var files: BlockFiles {
        BlockFiles(checkpoint: decoder.checkpoint, configuration: decoder.configuration, types: types)
    }

    /// What of the model's folder the output will not hold.
    package static func filesLeft(_ checkpoint: Checkpoint) -> [String] {
        let names = checkpoint.filesLeft
        guard !names.isEmpty else { return [] }
        let shown =
            names.prefix(12).map { LegibleText.of($0, limit: 100) }.joined(separator: ", ")
            + (names.count > 12 ? ", and \(names.count - 12) more" : "")
        return ["\(checkpoint.path): not copied to the output: \(shown)"]
    }

    /// Samples in one forward pass without gradients.
    var batch: Int { max(1, (settings.batchTokens ?? BatchSize.processor) / max(1, calibration?.tokens.columns ?? 1)) }

    /// Bytes that blocks and hidden states may take beside what is held already.
    var memoryLeft: Int { memory.left }

    /// Where hidden states of so many bytes go: to the device as long as there is room for what a method keeps beside
    /// them, then to the processor's memory, then to the disk.
    func place(_ bytes: Int) -> HiddenStream.Place {
        if let folder = settings.offload { return .folder(folder) }
        if decoder.device != .cpu, bytes <= memory.left / 2 { return .memory(decoder.device) }
        guard bytes > processMemory.left, let scratch else { return .memory(.cpu) }
        return .folder(scratch)
    }

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

    /// Where states of so many bytes go beside which a run keeps no more than fits: to the device as long as they fit
    /// there, then where others go.
    func statesPlace(_ bytes: Int) -> HiddenStream.Place {
        guard settings.offload == nil, bytes <= memoryLeft else { return place(bytes) }
        return .memory(decoder.device)
    }

    /// The lane of this rank's part of some samples in front of the first block, and where it stays.
    ///
    /// - Parameters:
    ///   - samples: of all ranks, rows of the tokens; nil is all of them.
    ///   - count: streams of this size that the passage has, this one among them.
    func embeddedLane(
        _ tokens: TokenMatrix, samples: [Int]? = nil, of count: Int = 1
    ) throws(Fault) -> SampleLane {
        let own = ranks.own(samples ?? Array(0..<tokens.rows))
        let place = place(count * streamBytes(tokens, samples: own.count))
        return lane(try embedded(tokens, samples: own, place: place), decoder.rotary(positions: tokens.columns))
    }

    /// What costs of changes are asked of: the dense model's passes on some samples.
    ///
    /// - Parameter progress: told the share of the passes forward that is done.
    func divergenceCosts(
        _ tokens: TokenMatrix, samples: [Int], seed: UInt64, progress: (Double) -> Void
    ) throws(Fault) -> DivergenceCosts {
        let input = try embeddedLane(tokens, samples: samples).stream
        let bytes = memoryLeft / 2
        let least = DivergenceCosts.stateBytes(
            layers: decoder.configuration.layerCount, numbers: samples.count * tokens.columns * input.hidden,
            bytes: bytes)
        return try DivergenceCosts(
            passage, input: input, batch: batch, seed: seed, place: statesPlace(least), bytes: bytes,
            progress: progress)
    }

    /// The stream in front of the first block.
    ///
    /// - Parameters:
    ///   - samples: rows of the tokens; nil is all of them.
    ///   - place: where it is kept.
    func embedded(
        _ tokens: TokenMatrix, samples: [Int]? = nil, place: HiddenStream.Place
    ) throws(Fault) -> HiddenStream {
        let samples = samples ?? Array(0..<tokens.rows)
        let stream = try HiddenStream(
            samples: samples.count, tokens: tokens.columns, hidden: decoder.configuration.hiddenSize,
            dtype: streamDType, place: place)
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
    var passage: Passage { Passage(decoder, compute: compute, ranks: ranks) }

    /// A stream on its way.
    func lane(_ stream: HiddenStream, _ rotary: RotaryTable) -> SampleLane {
        SampleLane(stream, rotary: rotary, batch: batch, device: decoder.device)
    }

    /// - Throws: `badData` that names the first weight with a value that is no number.
    func checkFinite(_ block: Block) throws(Fault) {
        for name in block.projections {
            for (linear, rows) in block[name].rows(of: block[name].weight) where !rows.allFinite() {
                throw Fault(
                    .badData, "some of the model's weights are NaN or infinite", file: decoder.checkpoint.path,
                    place: "tensor '\(linear.weightName(layer: block.geometry.layer))'", found: "NaN or infinity",
                    advice: "download the checkpoint again; `espalier inspect` lists all such tensors")
            }
        }
    }

    /// The first line of the run's journal.
    func record() throws(Fault) -> RunRecord {
        RunRecord(
            recipe: settings.recipe, model: try Fingerprint.of(decoder.checkpoint),
            calibration: calibration?.tokens.digest ?? "none",
            engine: "torch \(Engine.loadedVersion), \(compute)", threads: Engine.threads)
    }
}
