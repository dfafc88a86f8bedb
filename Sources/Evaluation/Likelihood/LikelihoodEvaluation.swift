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
    public var streamBytes: Int
    /// Tokens that go through a block together; an item that has more is a batch of its own.
    public var batchTokens = BatchSize.processor
    /// Bytes of the hidden states that are scored in one pass over the vocabulary, of at least one position.
    public var scoredBytes = 1 << 28

    public init(_ model: Decoder, dtype: DType) {
        self.model = model
        self.dtype = dtype
        streamBytes = EvaluationPassage.streamBytes(of: [model])
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
        let source = try source(items)
        var passage = EvaluationPassage([model], dtype: dtype)
        passage.streamBytes = streamBytes
        try passage.run([source], progress: progress)
        return source.likelihoods
    }

    /// The items for a passage over this model, with whatever else goes through it.
    ///
    /// - Parameter place: of the model among the passage's.
    /// - Throws: `badData` for ids outside the vocabulary.
    public func source(_ items: [[TokenRequest]], place: Int = 0) throws(Fault) -> LikelihoodSource {
        try check(items)
        return LikelihoodSource(self, items, place: place)
    }

    /// Items whose tokens, those that their requests begin with counted once, go through a block together.
    fileprivate func batches(_ sizes: [Int]) -> [Range<Int>] {
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

    /// Batches in front of the first block, [1, tokens, hidden] each.
    fileprivate func lane(_ batches: [RequestBatch]) throws(Fault) -> BatchLane {
        let sizes = batches.map(\.tree.ids.count)
        let embedded = try model.embedded(batches.flatMap(\.tree.ids)).split(sizes, dimension: 0)
            .map { $0.reshaped([1, $0.size(0), model.configuration.hiddenSize]) }
        let longest = batches.map { $0.tree.positions.max() ?? 0 }.max() ?? 0
        let angles = model.rotary(positions: longest + 1)
        return BatchLane(
            embedded, batches.map { LanePositions(rotary: angles.rows(at: $0.tree.positions), tree: $0.tree) })
    }

    /// The likelihoods of the batches' requests, by batch.
    ///
    /// The last token of a context is scored against the first token of every choice: it is a position for each.
    fileprivate func score(
        _ batches: [RequestBatch], _ lane: BatchLane, progress: (Double) -> Void
    ) throws(Fault) -> [[Likelihood]] {
        let matrix = try model.outputMatrix(dtype: dtype)
        var answers = batches.map { batch in
            [Likelihood](
                repeating: Likelihood(logProbability: 0, isGreedy: true),
                count: (batch.scores.map(\.request).max() ?? -1) + 1)
        }
        let all = batches.indices.flatMap { batch in batches[batch].scores.map { (batch, $0) } }
        let section = max(1, scoredBytes / (model.configuration.hiddenSize * 4))
        for start in stride(from: 0, to: all.count, by: section) {
            let part = all[start..<min(start + section, all.count)]
            // Batches are in order, and so are their rows.
            var streams: [Tensor] = []
            for (batch, scores) in Dictionary(grouping: part, by: \.0).sorted(by: { $0.key < $1.key }) {
                let states = lane.batches[batch]
                streams.append(
                    states.reshaped([states.size(1), states.size(2)])
                        .selected(Tensor(scores.map { Int64($0.1.row) }, device: model.device)))
            }
            let found = try matrix.scores(
                Tensor.concatenated(streams), overwriting: true, targets: part.map { Int64($0.1.target) }
            ) { progress((Double(start) + $0 * Double(part.count)) / Double(all.count)) }
            for ((batch, score), result) in zip(part, found) {
                answers[batch][score.request].logProbability -= result.loss
                if !result.isLikeliest { answers[batch][score.request].isGreedy = false }
            }
        }
        return answers
    }
}

/// The items of tasks on their way through a passage.
public final class LikelihoodSource: EvaluationSource {
    private let evaluation: LikelihoodEvaluation
    private let items: [[TokenRequest]]
    private let batches: [Range<Int>]
    /// Of each batch.
    private let sizes: [Int]
    private var given = 0
    public let models: [Int]
    /// Of the items that have been scored, in their order.
    public private(set) var likelihoods: [[Likelihood]] = []

    init(_ evaluation: LikelihoodEvaluation, _ items: [[TokenRequest]], place: Int) {
        self.evaluation = evaluation
        self.items = items
        let tokens = items.map { RequestBatch([$0]).tree.ids.count }
        batches = evaluation.batches(tokens)
        sizes = batches.map { tokens[$0].reduce(0, +) }
        models = [place]
        likelihoods.reserveCapacity(items.count)
    }

    public var tokens: Int { sizes.reduce(0, +) }

    public func next(bytes: Int, evenIfMore: Bool) -> EvaluationPortion? {
        let one = evaluation.model.configuration.hiddenSize * 4
        var (end, tokens) = (given, 0)
        while end < batches.count, (tokens + sizes[end]) * one <= bytes || evenIfMore && end == given {
            tokens += sizes[end]
            end += 1
        }
        guard end > given else { return nil }
        let group = batches[given..<end]
        given = end
        let requests = group.map { RequestBatch(items[$0]) }
        return EvaluationPortion(bytes: tokens * one, tokens: tokens) { [evaluation] (_) throws(Fault) in
            try evaluation.lane(requests)
        } score: { [self] (lanes, progress) throws(Fault) in
            for case let lane as BatchLane in lanes {
                let answers = try evaluation.score(requests, lane, progress: progress)
                for (own, range) in zip(answers, group) {
                    var own = own[...]
                    for item in items[range] {
                        likelihoods.append(Array(own.prefix(item.count)))
                        own = own.dropFirst(item.count)
                    }
                }
            }
        }
    }
}
