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
    public var streamBytes = 1 << 30
    /// Positions that are scored in one pass over the vocabulary, of at least one window.
    public var positionsAtOnce = 1 << 18
    /// Tokens that go through a block together.
    public var batchTokens = 2048

    /// - Throws: `badData` when the two models' vocabularies have different sizes.
    public init(_ model: Decoder, against dense: Decoder? = nil, dtype: DType) throws(Fault) {
        if let dense { try model.checkVocabulary(equals: dense) }
        self.model = model
        self.dense = dense
        self.dtype = dtype
    }

    /// Scores the windows; the first token of a window is given, not scored.
    ///
    /// - Parameter progress: told the fraction done, from 0 to 1.
    /// - Throws: `badData` for ids outside the vocabulary, `inputOutput` when a weight cannot be read.
    public func measure(
        _ windows: TokenWindows, progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> Measurement {
        try windows.checkVocabulary(model.configuration.vocabularySize)
        let models = [model] + (dense.map { [$0] } ?? [])
        let bytes = models.reduce(0) { $0 + windows.length * $1.configuration.hiddenSize * 4 }
        let groupSize = min(windows.count, max(1, streamBytes / bytes))
        // Each block counts as one step for each window, and the head as two.
        let steps = Double(windows.count * models.reduce(0) { $0 + $1.configuration.layerCount + 2 })
        var done = 0.0
        func advance(_ count: Double) { progress((done + count) / steps) }
        var scores = PositionScores()
        for first in stride(from: 0, to: windows.count, by: groupSize) {
            let group = first..<min(first + groupSize, windows.count)
            try Engine.withoutGradient { () throws(Fault) in
                var streams: [Tensor] = []
                for decoder in models {
                    streams.append(try walk(decoder, windows, group) { advance(Double($0)) })
                    done += Double(group.count * decoder.configuration.layerCount)
                }
                // What is kept of a position would be as large as the stream of a small model.
                let section = max(1, positionsAtOnce / windows.length)
                for start in stride(from: group.lowerBound, to: group.upperBound, by: section) {
                    let part = start..<min(start + section, group.upperBound)
                    let rows = streams.map {
                        $0.narrowed(0, (start - group.lowerBound) * windows.length, part.count * windows.length)
                    }
                    let share = Double(2 * models.count * part.count)
                    scores.add(try score(windows, part, rows) { advance(share * $0) })
                    done += share
                }
            }
        }
        return scores.measurement(windows, hasDense: dense != nil)
    }

    /// The hidden states [windows · length, hidden] after the last block.
    ///
    /// - Parameter progress: told the number of blocks done, each once for every window.
    private func walk(
        _ decoder: Decoder, _ windows: TokenWindows, _ group: Range<Int>, progress: (Int) -> Void
    ) throws(Fault) -> Tensor {
        let configuration = decoder.configuration
        let ids = Array(windows.ids[group.lowerBound * windows.length..<group.upperBound * windows.length])
        let states = try decoder.embedded(ids).reshaped([group.count, windows.length, configuration.hiddenSize])
        let lane = SampleLane(
            HiddenStream(states), rotary: decoder.rotary(positions: windows.length),
            batch: batchTokens / windows.length, device: decoder.device)
        var done = 0
        try Passage(BlockSource(decoder, dtype: dtype), compute: dtype).forward { (step) throws(Fault) in
            try step.advance(
                lane,
                progress: { batch in
                    done += lane.samples(batch).count
                    progress(done)
                })
        }
        return states.reshaped([group.count * windows.length, configuration.hiddenSize])
    }

    /// What the models predict at the positions of some windows, whose streams are used up; the last token of a window
    /// has none that follows.
    private func score(
        _ windows: TokenWindows, _ group: Range<Int>, _ streams: [Tensor], progress: (Double) -> Void
    ) throws(Fault) -> [VocabularyScores.Score] {
        let targets: [Int64] = group.flatMap { windows[$0].dropFirst().map(Int64.init) + [-1] }
        let other: OutputMatrix.Dense? =
            if let dense { .model(try dense.outputMatrix(dtype: dtype), stream: streams[1]) } else { nil }
        return try model.outputMatrix(dtype: dtype)
            .scores(streams[0], against: other, overwriting: true, targets: targets, progress: progress)
    }
}
