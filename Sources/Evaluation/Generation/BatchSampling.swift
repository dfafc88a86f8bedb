import Decoders
import Faults
import Randomness
import Torch

/// Sequences that a model writes by itself, for calibration without data.
public enum BatchSampling {
    /// `count` sequences of exactly `length` tokens, drawn in batches.
    ///
    /// Each starts from `start`, which is its first token, or where that is nil from a token drawn evenly from the
    /// vocabulary. After a token that ends a text or a turn the next text begins, with `start` again; where that is nil
    /// the model continues by itself.
    ///
    /// - Parameters:
    ///   - endTokens: ids that end a text.
    ///   - dtype: the number type of the matrix products.
    ///   - batch: sequences that are written at a time.
    ///   - progress: told the fraction done, from 0 to 1.
    /// - Throws: `badData` when the model's logits are not numbers or `length` exceeds its context; `inputOutput` when
    ///   a weight cannot be read.
    public static func sample(
        _ decoder: Decoder, count: Int, length: Int, temperature: Double, seed: UInt64, start: Int32?,
        endTokens: Set<Int32> = [], dtype: DType, batch: Int = 32, progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> [[Int32]] {
        guard length <= decoder.configuration.contextLength else {
            throw Fault(
                .badData, "the sequences are longer than the model's context", file: decoder.checkpoint.path,
                found: "\(length) tokens", expected: "at most \(decoder.configuration.contextLength) tokens")
        }
        guard count > 0, length > 0 else { return [] }
        // Said before the weights are read.
        if let start { try decoder.configuration.checkTokens([start], file: decoder.checkpoint.path) }
        // One token may both end a text and begin the next.
        let ends = start.map { endTokens.subtracting([$0]) } ?? endTokens
        let model = try LoadedDecoder(decoder, dtype: dtype, capacity: length)
        var seeds = SplitMix64(seed: seed)
        var sequences: [[Int32]] = []
        while sequences.count < count {
            let size = min(batch, count - sequences.count)
            var sampler = TokenSampler(SamplingSettings(temperature: temperature, seed: seeds.next()))
            var rows = (0..<size).map { _ in [start ?? Int32(seeds.next() % UInt64(model.configuration.vocabularySize))]
            }
            let cache = model.makeCache()
            for position in 1..<max(1, length) {
                let logits = try model.logits(rows.map { $0[position - 1] }, batch: size, cache: cache)
                guard !logits.maximum().scalar.isNaN else {
                    throw Fault(
                        .badData, "the model's predictions are NaN or infinite", file: decoder.checkpoint.path,
                        advice: "look for non-finite weights with `espalier inspect`, or use --dtype float32")
                }
                // Every row draws, so that what one does leaves the draws of the others as they are.
                for (row, id) in sampler.next(logits).enumerated() {
                    let ended = ends.contains(rows[row][position - 1])
                    rows[row].append(ended ? start ?? id : id)
                }
                progress(
                    (Double(sequences.count) + Double(size) * Double(position) / Double(length)) / Double(count))
            }
            sequences += rows
        }
        return sequences
    }
}
