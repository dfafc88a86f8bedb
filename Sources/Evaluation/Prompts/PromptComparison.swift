import Decoders
import Faults
import Torch

/// How two models predict the same sequences of any lengths, with one block of weights in memory at a time.
///
/// The hidden states of a group of sequences go through the one model, then through the other; the predictions over the
/// whole vocabulary exist for a few positions at a time.
public struct PromptComparison {
    public let model: Decoder
    /// The model whose predictions count as the true ones.
    public let dense: Decoder
    /// The number type of the matrix products; the hidden states stay float32.
    public let dtype: DType
    /// Bytes of both models' hidden states held at a time, of at least one sequence.
    public var streamBytes = 1 << 30
    /// Tokens that go through a block together.
    public var batchTokens: Int

    /// - Throws: `badData` when the two models' vocabularies have different sizes.
    public init(_ model: Decoder, against dense: Decoder, dtype: DType) throws(Fault) {
        try model.checkVocabulary(equals: dense)
        self.model = model
        self.dense = dense
        self.dtype = dtype
        batchTokens = model.batchTokens(of: BatchSize.processor, compute: dtype)
    }

    /// Scores the sequences, each by itself.
    ///
    /// - Parameters:
    ///   - sequences: each with at least one token that is scored.
    ///   - progress: told the fraction done, from 0 to 1.
    /// - Returns: a score for each sequence.
    /// - Throws: `badData` for a sequence that is too long or holds unknown tokens, `inputOutput` when a weight cannot
    ///   be read.
    public func measure(
        _ sequences: [PromptPredictions.Sequence], progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> [PromptScore] {
        let models = [model, dense]
        for decoder in models {
            for (index, sequence) in sequences.enumerated() { try sequence.check(decoder, index) }
        }
        // Each block counts as one step for each token, and the head as two.
        let steps = Double(models.reduce(0) { $0 + $1.configuration.layerCount + 2 })
        let total = Double(sequences.reduce(0) { $0 + $1.ids.count }) * steps
        var done = 0.0
        func advance(_ amount: Int) {
            done += Double(amount)
            progress(done / total)
        }
        var scores: [PromptScore] = []
        let hiddenSize = models.reduce(0) { $0 + $1.configuration.hiddenSize }
        for group in PromptPredictions.groups(sequences, hiddenSize: hiddenSize, bytes: streamBytes) {
            let tokens = group.reduce(0) { $0 + sequences[$1].ids.count }
            try Engine.withoutGradient { () throws(Fault) in
                var states: [PromptStates] = []
                for decoder in models {
                    states.append(
                        try PromptStates(decoder, sequences, group, dtype: dtype, batchTokens: batchTokens) { _ in
                            advance(tokens)
                        })
                }
                scores += try score(sequences, group, states)
                advance(2 * models.count * tokens)
            }
        }
        return scores
    }

    private func score(
        _ sequences: [PromptPredictions.Sequence], _ group: Range<Int>, _ states: [PromptStates]
    ) throws(Fault) -> [PromptScore] {
        let targets = group.flatMap { sequences[$0].ids.dropFirst(sequences[$0].scoredFrom).map(Int64.init) }
        let streams = states.map { states in
            Tensor.concatenated(
                group.map { states.hidden($0, sequences[$0].scoredFrom..<sequences[$0].ids.count) })
        }
        var found = try model.outputMatrix(dtype: dtype).scores(
            streams[0], against: .model(try dense.outputMatrix(dtype: dtype), stream: streams[1]), targets: targets)[
                ...]
        return group.map { index in
            let count = sequences[index].ids.count - sequences[index].scoredFrom
            var scores = PositionScores()
            scores.add(found.prefix(count))
            found = found.dropFirst(count)
            return scores.promptScore
        }
    }
}
