import JSONText

/// The parts of a `tokenizer.json` that is made from other files.
struct TokenizerParts {
    var normalizer: JSONValue = .null
    var preTokenizer: JSONValue = .null
    var decoder: JSONValue = .null
    var model: JSONValue

    /// The whole, with added tokens and the tokens that go around a text.
    func json(added: [ListedToken], before: ListedToken?, behind: ListedToken?) -> JSONValue {
        .object([
            "version": .string("1.0"), "truncation": .null, "padding": .null,
            "added_tokens": .array(added.map { $0.json(id: $0.id ?? 0) }), "normalizer": normalizer,
            "pre_tokenizer": preTokenizer, "post_processor": TokenizerParts.template(before, behind),
            "decoder": decoder, "model": model,
        ])
    }

    private static func template(_ before: ListedToken?, _ behind: ListedToken?) -> JSONValue {
        guard before != nil || behind != nil else { return .null }
        let sequence = { (name: String, type: Int) -> JSONValue in
            .object(["Sequence": .object(["id": .string(name), "type_id": .integer(type)])])
        }
        let special = { (token: ListedToken?, type: Int) -> [JSONValue] in
            token.map {
                [.object(["SpecialToken": .object(["id": .string($0.content), "type_id": .integer(type)])])]
            } ?? []
        }
        let single = special(before, 0) + [sequence("A", 0)] + special(behind, 0)
        var tokens = JSONObject()
        for token in [before, behind].compactMap(\.self) {
            tokens[token.content] = .object([
                "id": .string(token.content), "ids": .array([.integer(token.id ?? 0)]),
                "tokens": .array([.string(token.content)]),
            ])
        }
        return .object([
            "type": .string("TemplateProcessing"), "single": .array(single),
            "pair": .array(single + special(before, 1) + [sequence("B", 1)] + special(behind, 1)),
            "special_tokens": .object(tokens),
        ])
    }

    static func sequence(_ key: String, _ parts: [JSONValue]) -> JSONValue {
        .object([("type", .string("Sequence")), (key, .array(parts))])
    }

    static func replace(_ pattern: JSONValue, _ content: String) -> JSONValue {
        .object(["type": .string("Replace"), "pattern": pattern, "content": .string(content)])
    }

    static func text(_ text: String) -> JSONValue { .object(["String": .string(text)]) }
    static func regex(_ text: String) -> JSONValue { .object(["Regex": .string(text)]) }

    static func bpe(
        vocabulary: JSONObject, merges: [JSONValue], unknown: String?, fusesUnknown: Bool, byteFallback: Bool,
        ignoresMerges: Bool = false
    ) -> JSONValue {
        .object([
            "type": .string("BPE"), "dropout": .null, "unk_token": unknown.map { .string($0) } ?? .null,
            "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(fusesUnknown),
            "byte_fallback": .bool(byteFallback), "ignore_merges": .bool(ignoresMerges),
            "vocab": .object(vocabulary), "merges": .array(merges),
        ])
    }
}

extension JSONValue {
    fileprivate static func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }
}
