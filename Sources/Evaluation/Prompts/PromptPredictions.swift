import Decoders
import Faults
import Torch

/// A model's predictions for sequences of any lengths, with one block of weights in memory at a time.
///
/// Sequences of like length go through a block together, filled up at the end: attention looks back only, so what
/// stands after a token changes nothing for it.
public struct PromptPredictions {
    public struct Sequence: Sendable {
        public var ids: [Int32]
        /// The index of the first token that is predicted, at least 1.
        public var scoredFrom: Int

        public init(ids: [Int32], scoredFrom: Int) {
            self.ids = ids
            self.scoredFrom = scoredFrom
        }
    }

    public let model: Decoder
    /// The number type of the matrix products; the hidden states stay float32.
    public let dtype: DType
    /// Bytes of hidden states held at a time, of at least one sequence.
    public var streamBytes: Int
    /// Tokens that go through a block together.
    public var batchTokens: Int
    /// Numbers of a piece of logits.
    public var headElements = 1 << 24

    public init(_ model: Decoder, dtype: DType) {
        self.model = model
        self.dtype = dtype
        streamBytes = EvaluationPassage.streamBytes(of: [model])
        batchTokens = model.batchTokens(of: BatchSize.processor, compute: dtype)
    }

    /// Gives `body` the predictions for every scored token, in the order of the sequences.
    ///
    /// - Parameters:
    ///   - progress: told the fraction done, from 0 to 1.
    ///   - body: given the index of the sequence, that of the first token predicted, and the log-probabilities [n,
    ///     vocabulary], float32, of that token and the n − 1 after it. A sequence may come in parts.
    /// - Throws: `badData` for a sequence that is too long or holds unknown tokens, `inputOutput` when a weight cannot
    ///   be read, and what `body` throws.
    public func visit(
        _ sequences: [Sequence], progress: (Double) -> Void = { _ in },
        body: (Int, Int, Tensor) throws(Fault) -> Void
    ) throws(Fault) {
        for (index, sequence) in sequences.enumerated() { try sequence.check(model, index) }
        let layers = model.configuration.layerCount
        var done = 0
        for group in PromptPredictions.groups(
            sequences, hiddenSize: model.configuration.hiddenSize, bytes: streamBytes)
        {
            try Engine.withoutGradient { () throws(Fault) in
                let states = try PromptStates(model, sequences, group, batchTokens: batchTokens)
                try Passage(BlockSource(model, dtype: dtype), compute: dtype).forward { (step) throws(Fault) in
                    try step.advance(states.lane)
                    let share = Double(step.layer + 1) / Double(layers + 1)
                    progress((Double(done) + Double(group.count) * share) / Double(sequences.count))
                }
                let head = try model.head(dtype: dtype)
                let limit = max(1, headElements / model.configuration.vocabularySize)
                for index in group {
                    for part in sequences[index].parts(of: limit) {
                        try body(index, part.lowerBound, head(states.hidden(index, part)).logSoftmax(1))
                    }
                }
            }
            done += group.count
            progress(Double(done) / Double(sequences.count))
        }
    }

    /// Runs of sequences whose hidden states, of `hiddenSize` float32 numbers a token, fit into some bytes.
    static func groups(_ sequences: [Sequence], hiddenSize: Int, bytes limit: Int) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var start = 0
        while start < sequences.count {
            let count = fitting(sequences[start...], hiddenSize: hiddenSize, bytes: limit, atLeast: 1).count
            groups.append(start..<start + count)
            start += count
        }
        return groups
    }

    /// How many of some sequences, from the first on, have hidden states that fit into some bytes, and their tokens.
    static func fitting(
        _ sequences: ArraySlice<Sequence>, hiddenSize: Int, bytes limit: Int, atLeast: Int
    ) -> (count: Int, tokens: Int) {
        var (count, tokens) = (0, 0)
        for sequence in sequences {
            guard count < atLeast || (tokens + sequence.ids.count) * hiddenSize * 4 <= limit else { break }
            count += 1
            tokens += sequence.ids.count
        }
        return (count, tokens)
    }
}

extension PromptPredictions.Sequence {
    /// The scored tokens, in runs of at most `limit`.
    func parts(of limit: Int) -> [Range<Int>] {
        stride(from: scoredFrom, to: ids.count, by: limit).map { $0..<min($0 + limit, ids.count) }
    }

    /// - Throws: `badData` for more tokens than the model's context holds, and for ids that it does not know.
    func check(_ model: Decoder, _ index: Int) throws(Fault) {
        let limit = model.configuration.contextLength
        guard ids.count <= limit else {
            throw Fault(
                .badData, "a prompt is longer than the model's context", file: model.checkpoint.path,
                place: "prompt \(index + 1)", found: "\(ids.count) tokens", expected: "at most \(limit) tokens"
            )
        }
        let size = model.configuration.vocabularySize
        guard let id = ids.first(where: { $0 < 0 || Int($0) >= size }) else { return }
        throw Fault(
            .badData, "a token id is not in the model's vocabulary", file: model.checkpoint.path,
            place: "prompt \(index + 1)", found: "id \(id)", expected: "0 to \(size - 1)")
    }
}
