/// Ids → text while they arrive, as in generation.
///
/// The parts, joined, are what `Tokenizer.decode` gives for all ids at once. An unfinished character is held back until
/// the ids that complete it have come.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    private var stages: [DecodingStage]

    init(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipsSpecialTokens = skipsSpecialTokens
        stages = DecodingStage.stages(tokenizer.decodingSteps)
    }

    /// The text that this id makes certain; often empty. Ids outside the vocabulary are passed over.
    public mutating func append(_ id: Int32) -> String { String(decoding: appendedBytes(id), as: UTF8.self) }

    /// The text still held back, when no id follows.
    public mutating func finish() -> String { String(decoding: finishedBytes(), as: UTF8.self) }

    mutating func appendedBytes(_ id: Int32) -> [UInt8] {
        guard let token = tokenizer.normalizedContents[id] ?? tokenizer.model.vocabulary.token(of: id),
            !skipsSpecialTokens || !tokenizer.specialTokenIDs.contains(id)
        else { return [] }
        return run([token], from: 0)
    }

    mutating func finishedBytes() -> [UInt8] {
        var output: [UInt8] = []
        for index in stages.indices { output += run(stages[index].finish(), from: index + 1) }
        return output
    }

    private mutating func run(_ tokens: [[UInt8]], from first: Int) -> [UInt8] {
        var tokens = tokens
        for index in stages.indices.dropFirst(first) {
            var next: [[UInt8]] = []
            for token in tokens { next += stages[index].push(token) }
            tokens = next
        }
        return Array(tokens.joined())
    }
}
