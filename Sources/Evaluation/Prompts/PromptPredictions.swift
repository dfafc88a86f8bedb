import Decoders
import Faults
import Torch

/// A model's predictions for sequences of any lengths, with one block of weights in memory at a time.
///
/// Sequences of like length go through a block together, filled up at the end: attention looks back only, so what stands
/// behind a token changes nothing for it.
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
    public var streamBytes = 1 << 30
    /// Tokens that go through a block together.
    public var batchTokens = 2048
    /// Numbers of a piece of logits.
    public var headElements = 1 << 24

    public init(_ model: Decoder, dtype: DType) {
        self.model = model
        self.dtype = dtype
    }

    /// Sequences of like length: [count, longest, hidden].
    private struct Batch {
        var members: [Int]
        var stream: Tensor
    }

    /// Gives `body` the predictions for every scored token, in the order of the sequences.
    ///
    /// - Parameters:
    ///   - progress: told the fraction done, from 0 to 1.
    ///   - body: given the index of the sequence, that of the first token predicted, and the log-probabilities [n,
    ///     vocabulary], float32, of that token and the n − 1 behind it. A sequence may come in parts.
    /// - Throws: `badData` for a sequence that is too long or holds unknown tokens, `inputOutput` when a weight cannot be
    ///   read, and what `body` throws.
    public func visit(
        _ sequences: [Sequence], progress: (Double) -> Void = { _ in },
        body: (Int, Int, Tensor) throws(Fault) -> Void
    ) throws(Fault) {
        for (index, sequence) in sequences.enumerated() { try check(sequence, index) }
        let layers = model.configuration.layerCount
        var done = 0
        var start = 0
        while start < sequences.count {
            let group = start..<groupEnd(sequences, from: start)
            start = group.upperBound
            try Engine.withoutGradient { () throws(Fault) in
                let batches = try walk(sequences, group) { layer in
                    progress(
                        (Double(done) + Double(group.count) * Double(layer) / Double(layers + 1))
                            / Double(sequences.count))
                }
                let head = try model.head(dtype: dtype)
                var places: [Int: (batch: Int, row: Int)] = [:]
                for (batch, content) in batches.enumerated() {
                    for (row, member) in content.members.enumerated() { places[member] = (batch, row) }
                }
                for index in group {
                    guard let place = places[index] else { continue }
                    let row = batches[place.batch].stream.narrowed(0, place.row, 1)
                    try predict(sequences[index], row, head) { (first, logits) throws(Fault) in
                        try body(index, first, logits)
                    }
                }
            }
            done += group.count
            progress(Double(done) / Double(sequences.count))
        }
    }

    private func check(_ sequence: Sequence, _ index: Int) throws(Fault) {
        let limit = model.configuration.contextLength
        guard sequence.ids.count <= limit else {
            throw Fault(
                .badData, "a prompt is longer than the model's context", file: model.checkpoint.path,
                place: "prompt \(index + 1)", found: "\(sequence.ids.count) tokens", expected: "at most \(limit) tokens"
            )
        }
        let size = model.configuration.vocabularySize
        guard let id = sequence.ids.first(where: { $0 < 0 || Int($0) >= size }) else { return }
        throw Fault(
            .badData, "a token id is not in the model's vocabulary", file: model.checkpoint.path,
            place: "prompt \(index + 1)", found: "id \(id)", expected: "0 to \(size - 1)")
    }

    private func groupEnd(_ sequences: [Sequence], from start: Int) -> Int {
        var bytes = 0
        var end = start
        while end < sequences.count {
            bytes += sequences[end].ids.count * model.configuration.hiddenSize * 4
            if bytes > streamBytes, end > start { break }
            end += 1
        }
        return end
    }

    /// The hidden states behind the last block.
    private func walk(
        _ sequences: [Sequence], _ group: Range<Int>, advance: (Int) -> Void
    ) throws(Fault) -> [Batch] {
        let embedding = try model.embedding()
        var batches: [Batch] = []
        var members: [Int] = []
        func close() {
            guard !members.isEmpty else { return }
            let length = members.map { sequences[$0].ids.count }.max() ?? 0
            let ids = members.flatMap { member in
                let ids = sequences[member].ids.map(Int64.init)
                return ids + [Int64](repeating: 0, count: length - ids.count)
            }
            batches.append(
                Batch(
                    members: members,
                    stream: embedding.selected(Tensor(ids, device: model.device))
                        .reshaped([members.count, length, model.configuration.hiddenSize])))
            members = []
        }
        // By falling length the first of a batch is the longest. Equal lengths keep their order, so that runs repeat.
        for index in group.sorted(by: { (sequences[$1].ids.count, $0) < (sequences[$0].ids.count, $1) }) {
            let length = sequences[members.first ?? index].ids.count
            if (members.count + 1) * length > batchTokens { close() }
            members.append(index)
        }
        close()
        let rotary = model.rotary(positions: group.map { sequences[$0].ids.count }.max() ?? 1)
        for layer in 0..<model.configuration.layerCount {
            let block = try model.block(layer).to(dtype)
            for batch in batches { batch.stream.copy(from: block(batch.stream, rotary: rotary)) }
            advance(layer + 1)
        }
        return batches
    }

    /// - Parameter stream: [1, at least the sequence's length, hidden]
    private func predict(
        _ sequence: Sequence, _ stream: Tensor, _ head: Head, body: (Int, Tensor) throws(Fault) -> Void
    ) throws(Fault) {
        let limit = max(1, headElements / model.configuration.vocabularySize)
        for start in stride(from: sequence.scoredFrom, to: sequence.ids.count, by: limit) {
            let count = min(limit, sequence.ids.count - start)
            // What a position holds predicts the token behind it.
            let hidden = stream.narrowed(1, start - 1, count).reshaped([count, model.configuration.hiddenSize])
            try body(start, head(hidden).logSoftmax(1))
        }
    }
}
