import Faults
import Files
import JSONText
import Recovery
import Torch

/// What a recovery would take, measured on one step of it.
public struct RecoverPlan {
    public let steps: Int
    public let tokens: Int
    /// The share of the tokens that the loss counts; nil where that is all that have a token before them.
    public let countedShare: Double?
    public let trainedParameters: Int
    public let trainingSamples: Int
    public let heldOutSamples: Int
    /// The highest one.
    public let learningRate: Double
    public let secondsPerStep: Double
    /// Of all steps and of the checks between them.
    public let seconds: Double
    public let peakMemoryBytes: Int
    /// Nil without a GPU.
    public let peakDeviceMemoryBytes: Int?
    /// The most that the run holds on the disk at once.
    public let diskBytes: Int

    /// Loads the models and takes a step's passes twice; nothing is written.
    ///
    /// - Throws: `inputOutput` when weights cannot be read.
    public init(_ context: RecoverContext) throws(Fault) {
        let trainer = try context.makeTrainer()
        let pace = try context.secondsPerStep(trainer)
        (secondsPerStep, learningRate) = (pace, context.learningRate)
        steps = try context.steps { pace }
        tokens = steps * context.settings.batch * context.tokens.columns
        countedShare = context.settings.turns == .all ? nil : context.countedShare
        trainedParameters = trainer.trainedCount
        trainingSamples = context.training.count
        heldOutSamples = context.heldOut.count
        // A check is a third of the passes of as many training sequences, and there is one more at the start.
        let every = context.settings.checkEvery ?? max(1, (steps + 9) / 10)
        let checks = Double((steps + every - 1) / every + 1)
        let check = secondsPerStep / Double(context.settings.batch) / 3 * Double(heldOutSamples)
        seconds = Double(steps) * secondsPerStep + checks * check
        peakMemoryBytes = Machine.peakMemoryBytes
        peakDeviceMemoryBytes = DeviceMemory.of(context.decoder.device)?.peak
        diskBytes = context.stagingBytes
    }

    /// The document that `recover --plan --json` prints.
    public var json: JSONValue {
        var object = JSONObject([
            ("steps", .integer(steps)), ("tokens", .integer(tokens)),
            ("trained_parameters", .integer(trainedParameters)), ("training_samples", .integer(trainingSamples)),
            ("held_out_samples", .integer(heldOutSamples)), ("learning_rate", .double(learningRate)),
            ("seconds_per_step", .double(secondsPerStep)),
            ("seconds", .double(seconds)), ("peak_memory_bytes", .integer(peakMemoryBytes)),
            ("disk_bytes", .integer(diskBytes)),
        ])
        if let countedShare { object["counted_share"] = .double(countedShare) }
        if let bytes = peakDeviceMemoryBytes { object["peak_device_memory_bytes"] = .integer(bytes) }
        return .object(object)
    }
}
