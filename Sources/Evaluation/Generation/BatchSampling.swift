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
        try check(length, decoder)
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
                try check(logits, decoder)
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

    /// What a model writes after prompts, in batches, each to a token that ends it or until prompt and answer are
    /// `length` tokens.
    ///
    /// - Parameters:
    ///   - endTokens: ids that end a text or a turn; an answer holds the one that ends it.
    ///   - dtype: the number type of the matrix products.
    ///   - batch: answers that are written at a time.
    ///   - prompt: the next one's tokens, at least one and fewer than `length`; nil after the last.
    ///   - take: receives a prompt with its answer, and where the answer begins, in the prompts' order; false ends the
    ///     writing.
    /// - Throws: `badData` when the model's logits are not numbers or `length` exceeds its context; `inputOutput` when
    ///   a weight cannot be read; what `prompt` throws.
    public static func answers(
        _ decoder: Decoder, length: Int, temperature: Double, seed: UInt64, endTokens: Set<Int32>, dtype: DType,
        batch: Int = 32, prompt: () throws(Fault) -> [Int32]?, take: ([Int32], Int) -> Bool
    ) throws(Fault) {
        try check(length, decoder)
        let model = try LoadedDecoder(decoder, dtype: dtype, capacity: length)
        var seeds = SplitMix64(seed: seed)
        while true {
            var prompts: [[Int32]] = []
            while prompts.count < batch, let next = try prompt() { prompts.append(next) }
            guard !prompts.isEmpty else { return }
            var sampler = TokenSampler(SamplingSettings(temperature: temperature, seed: seeds.next()))
            // All go on from the end of the shortest prompt; what a longer one has beyond it is given, not drawn.
            let shortest = prompts.reduce(Int.max) { min($0, $1.count) }
            var rows = prompts
            var isDone = rows.map { _ in false }
            let cache = model.makeCache()
            var input = prompts.flatMap { $0.prefix(shortest) }
            for position in shortest..<length {
                let logits = try model.logits(input, batch: rows.count, cache: cache)
                try check(logits, decoder)
                let drawn = sampler.next(logits)
                input = []
                for row in rows.indices {
                    if position < prompts[row].count {
                        input.append(prompts[row][position])
                        continue
                    }
                    input.append(drawn[row])
                    guard !isDone[row] else { continue }
                    rows[row].append(drawn[row])
                    isDone[row] = endTokens.contains(drawn[row])
                }
                if isDone.allSatisfy({ $0 }) { break }
            }
            for (whole, prompt) in zip(rows, prompts) {
                guard take(whole, prompt.count) else { return }
            }
        }
    }

    private static func check(_ length: Int, _ decoder: Decoder) throws(Fault) {
        guard length <= decoder.configuration.contextLength else {
            throw Fault(
                .badData, "the sequences are longer than the model's context", file: decoder.checkpoint.path,
                found: "\(length) tokens", expected: "at most \(decoder.configuration.contextLength) tokens")
        }
    }

    private static func check(_ logits: Tensor, _ decoder: Decoder) throws(Fault) {
        guard !logits.maximum().scalar.isNaN else {
            throw Fault(
                .badData, "the model's predictions are NaN or infinite", file: decoder.checkpoint.path,
                advice: "look for non-finite weights with `espalier inspect`, or use --dtype float32")
        }
    }
}
