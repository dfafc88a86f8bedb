import Calibration
import Checkpoints
import Decoders
import Faults
import Pruning
import Publishing
import Recipes
import Recovery
import Torch

/// Everything that is settled before a recovery's first step.
public struct RecoverContext {
    public var run: RunContext
    public let settings: RecoverSettings
    /// Nil for a loss without one.
    public let teacher: Decoder?
    public let tokens: TokenMatrix
    /// The highest learning rate.
    public let learningRate: Double
    /// Samples that are trained on, in their order.
    public let training: [Int]
    /// Samples that are not.
    public let heldOut: [Int]
    /// Which tokens' predictions the loss counts; nil counts all.
    public let counted: TokenMask?
    public let warnings: [String]
    /// Where the recovery is the last part of a run of several prunings: what is published beside the weights.
    public var staged: StagedOutput?
    /// What training begins with; nil begins with adapters that change nothing, or with none.
    let adapters: GivenAdapters?

    /// - Parameters:
    ///   - student: what is trained.
    ///   - calibration: training and held-out sequences.
    /// - Throws: `badData` for models of other vocabularies, `usage` when there is nothing to train on.
    public init(
        _ settings: RecoverSettings, student: Decoder, teacher: Decoder?, compute: DType, calibration: CalibrationSet
    ) throws(Fault) {
        var settings = settings
        settings.threads = settings.threads ?? Engine.threads
        if let rate = settings.learningRate {
            learningRate = rate
        } else {
            learningRate = try DefaultLearningRate.of(student, settings.trained, scale: settings.rateScale)
        }
        // Published as a number, which gives the same run again.
        settings.learningRate = learningRate
        self.settings = settings
        self.teacher = teacher
        tokens = calibration.tokens
        counted = settings.turns == .all ? nil : calibration.counted
        guard settings.turns == .all || counted != nil else {
            throw Fault(
                .usage, "the text does not tell which tokens are the assistant's",
                found: "turns: \(settings.turns.text)",
                advice: "ask for them where the text is read (CalibrationRequest.marksReplies)")
        }
        if let teacher { try student.checkVocabulary(equals: teacher) }
        if let lora = settings.lora, let folder = lora.adapters {
            adapters = try GivenAdapters(folder, lora, base: student.checkpoint)
        } else {
            adapters = nil
        }
        run = RunContext(
            RunSettings(
                shardSize: settings.shardSize, outputDType: settings.outputDType, memory: settings.memory,
                batchTokens: settings.batchTokens, recipe: settings.publishedRecipe),
            decoder: student, compute: compute.forGradients, calibration: calibration)
        heldOut = RecoverContext.heldOut(settings.heldOut, of: tokens.rows)
        training = (0..<tokens.rows).filter { [heldOut] in !heldOut.contains($0) }
        guard !training.isEmpty else {
            throw Fault(
                .usage, "there is nothing to train on", found: "\(tokens.rows) sequences",
                expected: "more than the \(heldOut.count) that are held out",
                advice: "give more text, shorter sequences, or a smaller --held-out")
        }
        warnings =
            RunContext.filesLeft(student.checkpoint) + calibration.warnings
            + RecoverContext.warnings(
                tokens: counted.map { [training] mask in training.reduce(0) { $0 + mask.positions(in: $1) } }
                    ?? training.count * tokens.columns, sources: settings.calibration.count)
    }

    /// The share of the training sequences' tokens that the loss counts: the first of each is predicted from nothing.
    public var countedShare: Double {
        let positions = training.reduce(0) { $0 + (counted?.positions(in: $1) ?? tokens.columns - 1) }
        return Double(positions) / Double(max(1, training.count * tokens.columns))
    }

    /// Sequences that are held out: some of those that the regional optimizer keeps out, from all over the text, as
    /// long as there are enough. Of the text that the model was pruned with, it has trained on the others, on which the
    /// model is better than on any other text.
    static func heldOut(_ asked: Int?, of samples: Int) -> [Int] {
        let count = min(asked ?? max(1, min(32, samples / 16)), samples)
        let kept = BlockRefit.keptOut(of: samples)
        guard count > 0, count <= kept.count else { return Array(samples - count..<samples) }
        return (1...count).map { kept[$0 * kept.count / count - 1] }
    }

    /// Fewer, or from a single text, overfit: `Documentation/Recover.md`.
    private static let fewTokens = 100_000

    private static func warnings(tokens: Int, sources: Int) -> [String] {
        guard tokens < fewTokens else { return [] }
        return [
            "\(tokens) tokens to train on are few" + (sources == 1 ? ", and from one text" : "")
                + ": the model may get better on such text and worse on others; give more and more mixed text, and "
                + "measure on a text of another kind"
        ]
    }

    public var decoder: Decoder { run.decoder }

    /// The most bytes that the run holds on the disk at once: two states, of which one is the best, and the output.
    public var stagingBytes: Int {
        run.files.stagingBytes(shardSize: settings.shardSize.bytes) + 3 * 12 * trainedNumbers
    }

    /// Parameters that are trained.
    private var trainedNumbers: Int {
        let blocks = decoder.expectedTensors.filter { $0.name.hasPrefix("model.layers.") }
        guard let lora = settings.lora else {
            let trained = settings.trained == .all ? blocks : blocks.filter { $0.shape.count == 1 }
            return trained.reduce(0) { $0 + $1.shape.reduce(1, *) }
        }
        // Of a weight [out, in]: A [r, in] and B [out, r].
        let endings = lora.targets.map { ".\($0).weight" }
        return blocks.filter { tensor in tensor.shape.count == 2 && endings.contains(where: tensor.name.hasSuffix) }
            .reduce(0) { $0 + lora.rank * $1.shape.reduce(0, +) }
    }

    func record() throws(Fault) -> RecoverRecord {
        RecoverRecord(
            recipe: settings.publishedRecipe, model: try Fingerprint.of(decoder.checkpoint),
            teacher: try teacher.map { (decoder) throws(Fault) in try Fingerprint.of(decoder.checkpoint) } ?? "none",
            calibration: tokens.digest + (counted.map { " " + $0.digest } ?? ""),
            engine: "torch \(Engine.loadedVersion), \(run.compute)",
            threads: Engine.threads,
            adapters: try adapters.map { (given) throws(Fault) in try given.digest() })
    }
}
