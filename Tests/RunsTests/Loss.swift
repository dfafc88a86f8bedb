import Checkpoints
import Decoders
import Evaluation
import RunSupport

/// The mean loss of a model in float32 on a few rows of tokens.
func loss(_ path: String) throws -> Double {
    let decoder = try Decoder(try Checkpoint.open(path))
    let rows = Bench.rows(4, 12, seed: 9)
    return try StreamedEvaluation(decoder, dtype: .float32)
        .measure(try TokenWindows(ids: rows.flatMap { $0 }, length: 12)).meanLoss
}
