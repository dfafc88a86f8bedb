import Faults
import JSONText

/// What a model's tokenizer is like.
public struct TokenizerSummary: Equatable, Sendable {
    /// With those beside the vocabulary.
    public var tokens: Int
    /// Tokens marked special.
    public var specialTokens: Int
    /// What is put before a text.
    public var prefix: [String]
    /// Tokens that end a text or a turn.
    public var end: [String]
    /// Rows of the embedding that no token uses.
    public var unusedRows: Int
    /// Tokens beside the vocabulary that have no row of the embedding: a text that holds one cannot be scored.
    public var tokensWithoutRow: Int

    init(
        tokens: Int, specialTokens: Int, prefix: [String], end: [String], unusedRows: Int, tokensWithoutRow: Int = 0
    ) {
        self.tokens = tokens
        self.specialTokens = specialTokens
        self.prefix = prefix
        self.end = end
        self.unusedRows = unusedRows
        self.tokensWithoutRow = tokensWithoutRow
    }

    init(_ opened: OpenedModel) throws(Fault) {
        let tokenizer = try opened.tokenizer()
        let special = try opened.specialTokens(tokenizer)
        func names(_ ids: [Int32]) -> [String] { ids.map { tokenizer.token(of: $0) ?? "id \($0)" } }
        tokens = tokenizer.vocabularySize
        specialTokens = tokenizer.specialTokenIDs.count
        prefix = names(special.prefix)
        end = names(special.end.sorted())
        unusedRows = max(0, opened.configuration.vocabularySize - tokens)
        tokensWithoutRow = max(0, tokens - opened.configuration.vocabularySize)
    }

    var json: JSONValue {
        .object([
            "tokens": .integer(tokens), "special_tokens": .integer(specialTokens),
            "prefix": .array(prefix.map { .string($0) }), "end": .array(end.map { .string($0) }),
            "unused_rows": .integer(unusedRows), "tokens_without_row": .integer(tokensWithoutRow),
        ])
    }
}
