import Calibration
import Decoders
import Faults
import Pruning
import Recipes
import Runs
import Torch

/// What a plan is made for: a run's settings and model, with the calibration text or only its measurements.
public struct PlanSubject {
    public let settings: PruneSettings
    public let decoder: Decoder
    /// Number type of the matrix products.
    public let compute: DType
    public let samples: Int
    /// Tokens of a sample.
    public let tokens: Int
    /// Whether samples and tokens are those of a calibration text that was read.
    public let isCalibrated: Bool
    public let targets: PruneTargets
    public let types: OutputTypes
    /// What the method does with the blocks.
    public let action: BlockAction
    public let warnings: [String]
    let files: BlockFiles

    /// For a run that is ready to start.
    public init(_ context: PruneContext) {
        settings = context.settings
        decoder = context.decoder
        compute = context.compute
        samples = context.calibration?.tokens.rows ?? 0
        tokens = context.calibration?.tokens.columns ?? 1
        isCalibrated = context.calibration != nil
        targets = context.targets
        types = context.types
        action = context.action
        warnings = context.warnings
        files = context.files
    }

    /// Without calibration text: as many samples as the settings ask for, as long as they say, and no longer than the
    /// model's context.
    ///
    /// - Throws: `Fault` of kind `usage` when the goals fit no linear.
    public init(
        _ settings: PruneSettings, decoder: Decoder, compute: DType, methods: MethodRegistry = .standard
    ) throws(Fault) {
        try CalibrationRequest.check(
            sequenceLength: settings.sequenceLength, contextLength: decoder.configuration.contextLength)
        let length = settings.sequenceLength ?? PruneSettings.defaultSequenceLength
        let settings = settings.repeatable(
            decoder, compute: compute, tokens: min(length, decoder.configuration.contextLength))
        self.settings = settings
        self.decoder = decoder
        self.compute = compute
        types = OutputTypes(decoder.checkpoint, choice: settings.outputDType)
        action = try methods.action(settings)
        let needsSamples = settings.method.needsCalibration
        targets = try PruneTargets(settings, configuration: decoder.configuration)
        samples = needsSamples ? settings.samples : 0
        tokens =
            needsSamples
            ? min(
                settings.sequenceLength ?? PruneSettings.defaultSequenceLength, decoder.configuration.contextLength) : 1
        if needsSamples { try settings.checkSamples(samples, needed: true) }
        isCalibrated = false
        warnings =
            RunContext.filesLeft(decoder.checkpoint) + SourceCard(decoder.checkpoint).warnings
            + settings.warnings(samples: samples, tokens: tokens, configuration: decoder.configuration)
        files = BlockFiles(checkpoint: decoder.checkpoint, configuration: decoder.configuration, types: types)
    }

    var configuration: DecoderConfiguration { decoder.configuration }
    /// Shapes that the measured block's attention reaches.
    var attentionShapes: Int {
        // All heads or none, where the layout of an engine has one number of them for all layers.
        if settings.structure?.keepsQueryHeads == true { return 2 }
        return configuration.layers[measuredLayer].headCount + 1
    }
    /// Samples in one forward pass without gradients.
    var batch: Int { max(1, (settings.batchTokens ?? BatchSize.processor) / max(1, tokens)) }
    /// The block that stands for all: the heaviest one. Of a model whose layers differ, another counts as the share of
    /// it that its weights are.
    var measuredLayer: Int {
        let layers = 0..<configuration.layerCount
        return layers.max { configuration.weightCount(layer: $0) < configuration.weightCount(layer: $1) } ?? 0
    }
    /// Some blocks' weights as a number of measured blocks.
    func blocks(_ layers: some Sequence<Int>) -> Double {
        layers.reduce(0.0) { $0 + Double(configuration.weightCount(layer: $1)) } / Double(max(1, blockWeights))
    }
    /// Blocks that the hidden states pass through.
    var walkedLayers: Range<Int> { 0..<(samples == 0 ? 0 : (targets.goals.lastIndex { !$0.isEmpty } ?? -1) + 1) }
    var allBlocks: Double { blocks(0..<configuration.layerCount) }
    var prunedBlocks: Double { blocks(targets.goals.indices.filter { !targets.goals[$0].isEmpty }) }
    /// Weights of the measured block's linears.
    var blockWeights: Int { configuration.weightCount(layer: measuredLayer) }
    /// What a method's work on that block depends on.
    var blockSize: BlockSize {
        BlockSize(
            linears: linears.map { shape($0) }, samples: samples, tokens: tokens,
            hidden: configuration.hiddenSize, gradientByteCount: compute.forGradients.byteCount)
    }
    /// Of the measured block.
    var linears: [LinearName] { configuration.blueprint.layers[measuredLayer].linears }
    var projections: [ProjectionName] { configuration.blueprint.layers[measuredLayer].projections }
    func shape(_ linear: LinearName) -> (out: Int, in: Int) { configuration.shape(of: linear, layer: measuredLayer) }
    /// Rows and columns of a projection's stacked weight.
    func shape(_ name: ProjectionName) -> (rows: Int, columns: Int) {
        let shapes = name.linears.map { shape($0) }
        return (shapes.reduce(0) { $0 + $1.out }, shapes.first?.in ?? 0)
    }
}
