import JSONText

/// The parts of a tokenizer that is made from a folder's older files.
struct TokenizerParts {
    var normalizer: JSONValue = .null
    var preTokenizer: JSONValue = .null
    var decoder: JSONValue = .null
    var model: JSONValue

    /// The whole `tokenizer.json`, with added tokens and the tokens that go around a text.
    func json(added: [ListedToken], before: ListedToken?, after: ListedToken?) -> JSONValue {
        func named(_ token: ListedToken?) -> TokenizerJSON.Named? { token.map { ($0.content, $0.id ?? 0) } }
        return TokenizerJSON.document(
            added: added, normalizer: normalizer, preTokenizer: preTokenizer,
            postProcessor: TokenizerJSON.template(before: named(before), after: named(after)) ?? .null,
            decoder: decoder, model: model)
    }
}
