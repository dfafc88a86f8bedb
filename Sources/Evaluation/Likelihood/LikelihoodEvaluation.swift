import Decoders
import Faults
import Tasks
import Torch

/// Log-likelihoods of continuations, with one block of weights in memory at a time.
///
/// Items are put into batches by their tokens, without padding; the hidden states of many batches go through the model
/// block by block, so that each block is read once for all of them. Logits are computed only where a token is scored.
public struct LikelihoodEvaluation {
    public let model: Decoder
    /// The number type of the matrix products; the hidden states stay float32.
    public let dtype: DType
    /// Bytes of hidden states held at a time.
    public var streamBytes = 1 << 30
    /// Tokens that go through a block together; an item that has more is a batch of its own.
    public var batchTokens = BatchSize.processor
    /// Positions and float32 numbers of a piece of logits; the smaller limit counts.
    public var headPositions = 512
    public var headElements = 1 << 26

    public init(_ model: Decoder, dtype: DType) {
        self.model = model
        self.dtype = dtype
    }

    /// The likelihoods of all requests, in their order.
    ///
    /// - Parameters:
    ///   - items: the requests of each item; they share what their inputs begin with.
    ///   - progress: told the fraction done, from 0 to 1.
    /// - Throws: `badData` for ids outside the vocabulary, `inputOutput` when a weight cannot be read.
    public func measure(
        _ items: [[TokenRequest]], progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> [[Likelihood]] {
        try check(items)
        // Tokens that an item brings: its requests' common beginning once.
        let sizes = items.map { RequestBatch([$0]).tree.ids.count }
        let ranges = batches(sizes)
        let work = ranges.map { sizes[$0].reduce(0, +) }
        // Each block counts as one step for each token, and the head as one.
        let steps = Double(max(1, work.reduce(0, +) * (model.configuration.layerCount + 1)))
        var done = 0
        func advance(_ count: Int) {
            done += count
            progress(Double(done) / steps)
        }
        var results: [[Likelihood]] = []
        results.reserveCapacity(items.count)
        var first = 0
        while first < ranges.count {
            var last = first
            var bytes = 0
            repeat {
                bytes += work[last] * model.configuration.hiddenSize * 4
                last += 1
            } while last < ranges.count && bytes < streamBytes
            let group = Array(ranges[first..<last])
            let tokens = Array(work[first..<last])
            try Engine.withoutGradient { () throws(Fault) in
                let batches = group.map { RequestBatch(items[$0]) }
                let streams = try walk(batches) { advance(tokens[$0]) }
                let head = try model.head(dtype: dtype)
                for (index, batch) in batches.enumerated() {
                    var answers = score(batch, streams[index], head)[...]
                    for item in items[group[index]] {
                        results.append(Array(answers.prefix(item.count)))
                        answers = answers.dropFirst(item.count)
                    }
                    advance(tokens[index])
                }
            }
            first = last
        }
        return results
    }

    private func batches(_ sizes: [Int]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        var tokens = 0
        for (index, size) in sizes.enumerated() {
            if index > start, tokens + size > batchTokens {
                ranges.append(start..<index)
                (start, tokens) = (index, 0)
            }
            tokens += size
        }
        if start < sizes.count { ranges.append(start..<sizes.count) }
        return ranges
    }

    private func check(_ items: [[TokenRequest]]) throws(Fault) {
        let size = Int32(clamping: model.configuration.vocabularySize)
        for (index, requests) in items.enumerated() {
            for request in requests {
                if let id = (request.input + request.targets).first(where: { $0 < 0 || $0 >= size }) {
                    throw Fault(
                        .badData, "a token id is not in the model's vocabulary", place: "item \(index)",
                        found: "id \(id)", expected: "0 to \(size - 1)",
                        advice: "use the tokenizer that belongs to the model")
                }
            }
        }
    }

    /// The hidden states [1, tokens, hidden] of every batch behind the last block.
    private func walk(_ batches: [RequestBatch], advance: (Int) -> Void) throws(Fault) -> [Tensor] {
        let sizes = batches.map(\.tree.ids.count)
        let embedded = try model.embedded(batches.flatMap(\.tree.ids)).split(sizes, dimension: 0)
            .map { $0.reshaped([1, $0.size(0), model.configuration.hiddenSize]) }
        let longest = batches.map { $0.tree.positions.max() ?? 0 }.max() ?? 0
        let angles = model.rotary(positions: longest + 1)
        let lane = BatchLane(
            embedded, batches.map { LanePositions(rotary: angles.rows(at: $0.tree.positions), tree: $0.tree) })
        try Passage(BlockSource(model, dtype: dtype), compute: dtype).forward { (step) throws(Fault) in
            try step.advance(lane, progress: advance)
        }
        return lane.batches
    }

    /// The likelihoods of a batch's requests.
    private func score(_ batch: RequestBatch, _ stream: Tensor, _ head: Head) -> [Likelihood] {
        let hidden = model.configuration.hiddenSize
        let vocabulary = model.configuration.vocabularySize
        // The last token of a context is scored against the first token of every choice: its logits are made once.
        let byRow = Dictionary(grouping: batch.scores, by: \.row)
        let rows = byRow.keys.sorted()
        let count = (batch.scores.map(\.request).max() ?? -1) + 1
        var answers = [Likelihood](repeating: Likelihood(logProbability: 0, isGreedy: true), count: count)
        let flat = stream.reshaped([stream.size(1), hidden])
        let limit = max(1, min(headPositions, headElements / vocabulary))
        for start in stride(from: 0, to: rows.count, by: limit) {
            let part = rows[start..<min(start + limit, rows.count)]
            let logits = head(flat.selected(Tensor(part.map(Int64.init), device: model.device)))
            let likeliest = logits.argmax(1).int64s()
            var scores: [RequestBatch.Score] = []
            var places: [Int64] = []
            for (offset, row) in part.enumerated() {
                for score in byRow[row] ?? [] {
                    scores.append(score)
                    places.append(Int64(offset * vocabulary) + Int64(score.target))
                    if likeliest[offset] != Int64(score.target) { answers[score.request].isGreedy = false }
                }
            }
            let logP = logits.logSoftmax(1).reshaped([part.count * vocabulary])
                .selected(Tensor(places, device: model.device)).floats()
            for (score, value) in zip(scores, logP) { answers[score.request].logProbability += Double(value) }
        }
        return answers
    }
}
