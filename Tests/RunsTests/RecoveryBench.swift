import Calibration
import Checkpoints
import Decoders
import Recipes
import RunSupport
import Runs

/// What suites about recoveries share.
enum RecoveryBench {
    /// A recovery in float32 on a token file.
    static func context(_ settings: RecoverSettings) throws -> RecoverContext {
        let student = try Decoder(try Checkpoint.open(settings.model))
        let set = try CalibrationBuilder(
            CalibrationRequest(
                sources: [try CalibrationSource(parsing: settings.calibration[0])], samples: settings.samples,
                sequenceLength: settings.sequenceLength, seed: settings.seed,
                contextLength: student.configuration.contextLength,
                vocabularySize: student.configuration.vocabularySize),
            tokenizer: NoTokenizer(), chat: .missing
        ).build()
        return try RecoverContext(
            settings, student: student,
            teacher: try settings.teacher.map { path in try Decoder(try Checkpoint.open(path)) }, compute: .float32,
            calibration: set)
    }
}
