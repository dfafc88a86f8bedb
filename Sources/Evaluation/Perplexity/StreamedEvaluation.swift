import Decoders
import Faults
import Torch

/// Perplexity, and divergence from another model, with one block of weights in memory at a time.
///
/// The hidden states of many windows go through the model block by block, so that each block is read once for all of
/// them. Groups of windows bound the memory.
public struct StreamedEvaluation {
    public let model: Decoder
    /// The model to compare with, whose predictions count as the true ones.
    public let dense: Decoder?
    /// The number type of the matrix products; the hidden states stay float32.
    public let dtype: DType
    /// Bytes of hidden states held at a time; the windows are split into groups that fit, of at least one window.
    public var streamBytes: Int
    /// Positions that are scored in one pass over the vocabulary, of at least one window.
    public var positionsAtOnce = 1 << 18
    /// Tokens that go through a block together.
    public var batchTokens: Int

    /// - Throws: `badData` when the two models' vocabularies have different sizes.
    public init(_ model: Decoder, against dense: Decoder? = nil, dtype: DType) throws(Fault) {
        if let dense { try model.checkVocabulary(equals: dense) }
        self.model = model
        self.dense = dense
        self.dtype = dtype
        streamBytes = EvaluationPassage.streamBytes(of: [model] + (dense.map { [$0] } ?? []))
        batchTokens = model.batchTokens(of: BatchSize.processor, compute: dtype)
    }

    /// Scores the windows; the first token of a window is given, not scored.
    ///
    /// - Parameter progress: told the fraction done, from 0 to 1.
    /// - Throws: `badData` for ids outside the vocabulary, `inputOutput` when a weight cannot be read.
    public func measure(
        _ windows: TokenWindows, progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> Measurement {
        let source = try source(windows)
        var passage = EvaluationPassage(models, dtype: dtype)
        passage.streamBytes = streamBytes
        try passage.run([source], progress: progress)
        return source.measurement
    }

    /// The windows for a passage over these models, with whatever else goes through it.
    ///
    /// - Throws: `badData` for ids outside the vocabulary.
    public func source(_ windows: TokenWindows) throws(Fault) -> WindowSource {
        try windows.checkVocabulary(model.configuration.vocabularySize)
        return WindowSource(self, windows)
    }

    /// The model, and the one to compare with.
    public var models: [Decoder] { [model] + (dense.map { [$0] } ?? []) }

    /// What the models predict at the positions of some windows, whose streams are used up; the last token of a window
    /// has none that follows.
    fileprivate func score(
        _ windows: TokenWindows, _ group: Range<Int>, _ streams: [Tensor], progress: (Double) -> Void
    ) throws(Fault) -> [VocabularyScores.Score] {
        let targets: [Int64] = group.flatMap { windows[$0].dropFirst().map(Int64.init) + [-1] }
        let other: OutputMatrix.Dense? =
            if let dense { .model(try dense.outputMatrix(dtype: dtype), stream: streams[1]) } else { nil }
        return try model.outputMatrix(dtype: dtype)
            .scores(streams[0], against: other, overwriting: true, targets: targets, progress: progress)
    }
}

/// The windows of one text on their way through a passage.
public final class WindowSource: EvaluationSource {
    private let evaluation: StreamedEvaluation
    private let windows: TokenWindows
    private var given = 0
    private var scores = PositionScores()

    init(_ evaluation: StreamedEvaluation, _ windows: TokenWindows) {
        self.evaluation = evaluation
        self.windows = windows
    }

    public var models: [Int] { Array(evaluation.models.indices) }
    public var tokens: Int { windows.count * windows.length }
    /// Of the windows that have been scored.
    public var measurement: Measurement { scores.measurement(windows, hasDense: evaluation.dense != nil) }

    public func next(bytes: Int, evenIfMore: Bool) -> EvaluationPortion? {
        let one = evaluation.models.reduce(0) { $0 + windows.length * $1.configuration.hiddenSize * 4 }
        let count = min(windows.count - given, max(evenIfMore ? 1 : 0, bytes / max(1, one)))
        guard count > 0 else { return nil }
        let group = given..<given + count
        given += count
        let length = windows.length
        return EvaluationPortion(bytes: count * one, tokens: count * length) {
            [windows, evaluation] (decoder) throws(Fault) in
            let ids = Array(windows.ids[group.lowerBound * length..<group.upperBound * length])
            let states = try decoder.embedded(ids).reshaped([count, length, decoder.configuration.hiddenSize])
            return SampleLane(
                HiddenStream(states), rotary: decoder.rotary(positions: length),
                batch: evaluation.batchTokens / length, device: decoder.device)
        } score: { [self] (lanes, progress) throws(Fault) in
            var streams: [Tensor] = []
            for case let lane as SampleLane in lanes {
                let states = try lane.stream.read(0..<count)
                streams.append(states.reshaped([count * length, lane.stream.hidden]))
            }
            // What is kept of a position would be as large as the stream of a small model.
            let section = max(1, evaluation.positionsAtOnce / length)
            for start in stride(from: 0, to: count, by: section) {
                let part = start..<min(start + section, count)
                let rows = streams.map { $0.narrowed(0, start * length, part.count * length) }
                scores.add(
                    try evaluation.score(
                        windows, group.lowerBound + part.lowerBound..<group.lowerBound + part.upperBound, rows
                    ) { progress((Double(start) + $0 * Double(part.count)) / Double(count)) })
            }
        }
    }
}
