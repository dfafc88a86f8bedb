import Calibration
import Decoders
import Faults
import Pruning
import Recipes
import Torch

/// Everything that is settled before a prune run's first block: what any run has, and method and goals.
public struct PruneContext {
    public internal(set) var run: RunContext
    public let settings: PruneSettings
    public internal(set) var targets: PruneTargets
    /// What the method does with the blocks.
    public internal(set) var action: BlockAction
    public let warnings: [String]

    /// - Parameter methods: among which the settings were resolved.
    /// - Throws: `Fault` of kind `usage` when the goals fit no linear or the method lacks its calibration text.
    public init(
        _ settings: PruneSettings, decoder: Decoder, compute: DType, calibration: CalibrationSet?,
        methods: MethodRegistry = .standard
    ) throws(Fault) {
        let settings = settings.repeatable(
            decoder, compute: compute, tokens: calibration?.tokens.columns ?? PruneSettings.defaultSequenceLength)
        self.settings = settings
        run = RunContext(settings.run, decoder: decoder, compute: compute, calibration: calibration)
        action = try methods.action(settings)
        targets = try PruneTargets(settings, configuration: decoder.configuration)
        let (samples, tokens) = (calibration?.tokens.rows ?? 0, calibration?.tokens.columns ?? 0)
        try settings.checkSamples(samples, needed: settings.method.needsCalibration)
        warnings =
            RunContext.filesLeft(decoder.checkpoint) + SourceCard(decoder.checkpoint).warnings
            + (calibration?.warnings ?? [])
            + settings.warnings(samples: samples, tokens: tokens, configuration: decoder.configuration)
    }

    public var decoder: Decoder { run.decoder }
    public var types: OutputTypes { run.types }
    public var compute: DType { run.compute }
    public var calibration: CalibrationSet? { run.calibration }
    package var files: BlockFiles { run.files }
    var batch: Int { run.batch }

    /// The calibration text of a walk that cannot do without.
    ///
    /// - Throws: `usage` when there is none.
    func requireTokens() throws(Fault) -> TokenMatrix {
        try settings.checkSamples(calibration?.tokens.rows ?? 0, needed: true)
        guard let tokens = calibration?.tokens else { throw settings.needsCalibration }
        return tokens
    }

    /// The same with the sparsity of each linear given.
    func with(_ allocation: SparsityAllocation) throws(Fault) -> PruneContext {
        var copy = self
        copy.targets = try PruneTargets(settings, configuration: decoder.configuration, allocation: allocation)
        return copy
    }

    /// The most bytes of weights that the run holds on the disk at once.
    public var stagingBytes: Int {
        files.stagingBytes(shardSize: settings.shardSize.bytes)
            + settings.candidateBytes(decoder.configuration, compute: compute)
    }
}

extension PruneSettings {
    /// With the threads written down, and the batch where a GPU's memory chooses it, so that a resumed run and a
    /// run of the same recipe repeat them: sums in another order are other sums.
    package func repeatable(_ decoder: Decoder, compute: DType, tokens: Int) -> PruneSettings {
        var settings = self
        settings.threads = threads ?? Engine.threads
        guard decoder.device != .cpu, batchTokens == nil else { return settings }
        settings.batchTokens = decoder.batchTokens(of: tokens, compute: compute)
        return settings
    }

    /// What is thin about the calibration text, and what the model's shape does not allow.
    package func warnings(samples: Int, tokens: Int, configuration: DecoderConfiguration) -> [String] {
        var list: [String] = []
        let widest = max(configuration.widest.intermediateSize, configuration.hiddenSize)
        // What a search measures on makes no candidates.
        let seen = structure == nil ? samples : SearchSplit.calibrated(of: samples).count
        if method.needsCalibration, samples > 0, seen * tokens < widest {
            list.append(
                "\(seen * tokens) calibration tokens are fewer than the \(widest) columns of the widest linear "
                    + "layer: its "
                    + "statistics are rank-deficient; use more")
        }
        if structure != nil, configuration.widest.keyValueHeadCount == 1 {
            list.append(
                "attention has one key-value head: it can lose query heads or be removed as a whole, and the "
                    + "key-value cache "
                    + "shrinks only by whole layers")
        }
        return list
    }
}
