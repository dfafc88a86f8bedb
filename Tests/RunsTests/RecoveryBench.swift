import Calibration
import Checkpoints
import Decoders
import Faults
import Recipes
import RunSupport
import Runs

/// What suites about recoveries share.
enum RecoveryBench {
    /// A recovery in float32 on a token file, or on letters.
    static func context(_ settings: RecoverSettings) throws -> RecoverContext {
        let student = try Decoder(try Checkpoint.open(settings.model))
        var request = CalibrationRequest(
            sources: [try CalibrationSource(parsing: settings.calibration[0])], samples: settings.samples,
            sequenceLength: settings.sequenceLength, seed: settings.seed,
            contextLength: student.configuration.contextLength,
            vocabularySize: student.configuration.vocabularySize)
        request.marksReplies = settings.turns == .assistant
        let set = try CalibrationBuilder(request, tokenizer: LetterTokenizer(), chat: .missing).build()
        return try RecoverContext(
            settings, student: student,
            teacher: try settings.teacher.map { path in try Decoder(try Checkpoint.open(path)) }, compute: .float32,
            calibration: set)
    }
}

/// A token for each letter, so that any text can be the tiny model's.
struct LetterTokenizer: TextTokenizer {
    var beginningToken: Int32? { nil }
    var endToken: Int32? { nil }
    func encode(_ text: String) throws(Fault) -> [Int32] { text.utf8.map { Int32($0) % 32 } }

    func encode(
        _ text: String, marking marked: [Range<Int>]
    ) throws(Fault) -> (tokens: [Int32], isMarked: [Bool])? {
        (
            try encode(text),
            text.utf8.indices.map { index in
                let place = text.utf8.distance(from: text.startIndex, to: index)
                return marked.contains { $0.contains(place) }
            }
        )
    }
}
