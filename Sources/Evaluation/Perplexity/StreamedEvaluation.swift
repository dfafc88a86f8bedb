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
    /// Tokens that go through a block together.
    public var batchTokens = 2048
    /// Positions and float32 numbers of a piece of logits; the smaller limit counts.
    public var headPositions = 512
    public var headElements = 1 << 26

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
        let steps = windows.count * models.reduce(0) { $0 + $1.configuration.layerCount + 2 }
        var done = 0
        func advance(_ count: Int) {
            done += count
            progress(Double(done) / Double(steps))
        }
        var scores = PositionScores()
        for first in stride(from: 0, to: windows.count, by: groupSize) {
            let group = first..<min(first + groupSize, windows.count)
            try Engine.withoutGradient { () throws(Fault) in
                var streams: [Tensor] = []
                for decoder in models { streams.append(try walk(decoder, windows, group, advance: advance)) }
                var heads: [Head] = []
                for decoder in models { heads.append(try decoder.head(dtype: dtype)) }
                for window in group {
                    score(windows, window, streams.map { $0.narrowed(0, window - group.lowerBound, 1) }, heads, &scores)
                    advance(2 * models.count)
                }
            }
        }
        return scores.measurement(windows, hasDense: dense != nil)
    }

    /// The hidden states [windows, length, hidden] behind the last block.
    private func walk(
        _ decoder: Decoder, _ windows: TokenWindows, _ group: Range<Int>, advance: (Int) -> Void
    ) throws(Fault) -> Tensor {
        let configuration = decoder.configuration
        let ids = windows.ids[group.lowerBound * windows.length..<group.upperBound * windows.length].map(Int64.init)
        let stream = try decoder.embedding().selected(Tensor(ids, device: decoder.device))
            .reshaped([group.count, windows.length, configuration.hiddenSize])
        let rotary = decoder.rotary(positions: windows.length)
        let batch = max(1, batchTokens / windows.length)
        for layer in 0..<configuration.layerCount {
            let block = try decoder.block(layer).to(dtype)
            for start in stride(from: 0, to: group.count, by: batch) {
                let part = stream.narrowed(0, start, min(batch, group.count - start))
                part.copy(from: block(part, rotary: rotary))
                advance(part.size(0))
            }
        }
        return stream
    }

    /// Adds one window's positions; each stream is [1, length, hidden].
    private func score(
        _ windows: TokenWindows, _ window: Int, _ streams: [Tensor], _ heads: [Head], _ scores: inout PositionScores
    ) {
        let targets = windows[window].dropFirst().map(Int64.init)
        let limit = max(1, min(headPositions, headElements / model.configuration.vocabularySize))
        for start in stride(from: 0, to: targets.count, by: limit) {
            let count = min(limit, targets.count - start)
            let logits = zip(streams, heads).map { stream, head in
                head(stream.narrowed(1, start, count).reshaped([count, stream.size(2)]))
            }
            scores.add(
                logits: logits[0], dense: logits.count > 1 ? logits[1] : nil,
                targets: Array(targets[start..<start + count]))
        }
    }
}
