import JSONText

/// The pieces of a `tokenizer.json` that is made from other files.
enum TokenizerJSON {
    /// A token and its id.
    typealias Named = (token: String, id: Int)

    static func document(
        added: [ListedToken], normalizer: JSONValue, preTokenizer: JSONValue, postProcessor: JSONValue,
        decoder: JSONValue, model: JSONValue
    ) -> JSONValue {
        .object([
            "version": .string("1.0"), "truncation": .null, "padding": .null,
            "added_tokens": .array(added.map { $0.json(id: $0.id ?? 0) }), "normalizer": normalizer,
            "pre_tokenizer": preTokenizer, "post_processor": postProcessor, "decoder": decoder, "model": model,
        ])
    }

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

    static func merge(_ left: String, _ right: String) -> JSONValue { .array([.string(left), .string(right)]) }

    /// The post-processor that puts tokens around a text; nil without any.
    static func template(before: Named?, after: Named?) -> JSONValue? {
        guard before != nil || after != nil else { return nil }
        func special(_ added: Named?, _ type: Int) -> [JSONValue] {
            added.map {
                [.object(["SpecialToken": .object(["id": .string($0.token), "type_id": .integer(type)])])]
            } ?? []
        }
        func sequence(_ name: String, _ type: Int) -> [JSONValue] {
            let text: JSONValue = .object([
                "Sequence": .object(["id": .string(name), "type_id": .integer(type)])
            ])
            return special(before, type) + [text] + special(after, type)
        }
        var specials = JSONObject()
        for added in [before, after].compactMap(\.self) {
            specials[added.token] = .object([
                "id": .string(added.token), "ids": .array([.integer(added.id)]),
                "tokens": .array([.string(added.token)]),
            ])
        }
        return .object([
            "type": .string("TemplateProcessing"), "single": .array(sequence("A", 0)),
            "pair": .array(sequence("A", 0) + sequence("B", 1)), "special_tokens": .object(specials),
        ])
    }

    // MARK: Steps

    static func byteLevel(prefixSpace: Bool, trim: Bool = true, regex: Bool) -> JSONValue {
        .object([
            "type": .string("ByteLevel"), "add_prefix_space": .bool(prefixSpace), "trim_offsets": .bool(trim),
            "use_regex": .bool(regex),
        ])
    }

    /// Every match of a regular expression, and what stands between two, is a piece.
    static func split(_ regex: String) -> JSONValue {
        .object([
            "type": .string("Split"), "pattern": self.regex(regex), "behavior": .string("Isolated"),
            "invert": .bool(false),
        ])
    }

    static let digits: JSONValue = .object(["type": .string("Digits"), "individual_digits": .bool(true)])
    static let composition: JSONValue = .object(["type": .string("NFC")])
    static let byteFallback: JSONValue = .object(["type": .string("ByteFallback")])
    static let fusion: JSONValue = .object(["type": .string("Fuse")])
    /// One blank leaves the start.
    static let leadingBlank: JSONValue = .object([
        "type": .string("Strip"), "content": .string(" "), "start": .integer(1), "stop": .integer(0),
    ])

    static func replace(_ pattern: JSONValue, with content: String) -> JSONValue {
        .object(["type": .string("Replace"), "pattern": pattern, "content": .string(content)])
    }

    static func text(_ text: String) -> JSONValue { .object(["String": .string(text)]) }
    static func regex(_ text: String) -> JSONValue { .object(["Regex": .string(text)]) }

    static func preTokenizers(_ steps: [JSONValue]) -> JSONValue { sequence("pretokenizers", steps) }
    static func normalizers(_ steps: [JSONValue]) -> JSONValue { sequence("normalizers", steps) }
    static func decoders(_ steps: [JSONValue]) -> JSONValue { sequence("decoders", steps) }

    private static func sequence(_ key: String, _ steps: [JSONValue]) -> JSONValue {
        .object(JSONObject([("type", .string("Sequence")), (key, .array(steps))]))
    }
}
