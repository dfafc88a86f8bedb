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
    public var streamBytes: Int
    /// Tokens that go through a block together.
    public var batchTokens: Int

    /// - Throws: `badData` when the two models' vocabularies have different sizes.
    public init(_ model: Decoder, against dense: Decoder, dtype: DType) throws(Fault) {
        try model.checkVocabulary(equals: dense)
        self.model = model
        self.dense = dense
        self.dtype = dtype
        streamBytes = EvaluationPassage.streamBytes(of: [model, dense])
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
        let source = try source(sequences)
        var passage = EvaluationPassage(models, dtype: dtype)
        passage.streamBytes = streamBytes
        try passage.run([source], progress: progress)
        return source.scores
    }

    /// The sequences for a passage over both models, with whatever else goes through it.
    ///
    /// - Throws: `badData` for a sequence that is too long or holds unknown tokens.
    public func source(_ sequences: [PromptPredictions.Sequence]) throws(Fault) -> PromptSource {
        for decoder in models {
            for (index, sequence) in sequences.enumerated() { try sequence.check(decoder, index) }
        }
        return PromptSource(self, sequences)
    }

    var models: [Decoder] { [model, dense] }

    fileprivate func score(
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

/// Sequences on their way through a passage over a model and the dense one.
public final class PromptSource: EvaluationSource {
    private let comparison: PromptComparison
    private let sequences: [PromptPredictions.Sequence]
    private var given = 0
    /// Of the sequences that have been scored.
    public private(set) var scores: [PromptScore] = []

    init(_ comparison: PromptComparison, _ sequences: [PromptPredictions.Sequence]) {
        self.comparison = comparison
        self.sequences = sequences
    }

    public var models: [Int] { Array(comparison.models.indices) }
    public var tokens: Int { sequences.reduce(0) { $0 + $1.ids.count } }

    public func next(bytes: Int, evenIfMore: Bool) -> EvaluationPortion? {
        let hiddenSize = comparison.models.reduce(0) { $0 + $1.configuration.hiddenSize }
        let (count, tokens) = PromptPredictions.fitting(
            sequences[given...], hiddenSize: hiddenSize, bytes: bytes, atLeast: evenIfMore ? 1 : 0)
        guard count > 0 else { return nil }
        let group = given..<given + count
        given += count
        var states: [PromptStates] = []
        return EvaluationPortion(bytes: tokens * hiddenSize * 4, tokens: tokens) {
            [comparison, sequences] (decoder) throws(Fault) in
            let own = try PromptStates(decoder, sequences, group, batchTokens: comparison.batchTokens)
            states.append(own)
            return own.lane
        } score: { [self] (_, _) throws(Fault) in
            scores += try comparison.score(sequences, group, states)
            states = []
        }
    }
}
