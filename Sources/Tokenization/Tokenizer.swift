import Faults
import JSONText

/// Text ↔ token ids by a `tokenizer.json`, with the ids that Hugging Face's `tokenizers` gives.
///
/// Supported are BPE models over bytes or over characters with byte fallback, as the Llama, Mistral, SmolLM and Qwen
/// families use them, and Unigram models of SentencePiece. What else a file asks for is refused by name, never
/// approximated. A tokenizer does not change after its making and can be used from several threads.
public final class Tokenizer: Sendable {
    let model: TokenModel
    let normalizers: [Normalizer]
    /// The normalizers together, where they can be put so.
    let bytewise: BytewiseSteps?
    /// Where a text may be cut before it is normalised; nil where it may not.
    let sections: TextSections?
    let preTokenizers: [PreTokenizer]
    let decodingSteps: [DecodingStep]
    let classes = ScalarClasses()
    let byteAlphabet = ByteAlphabet()
    /// Added tokens that are looked for in the text as given.
    let rawTokens: AddedTokenMatcher
    /// Added tokens that are looked for in the normalised text.
    let normalizedTokens: AddedTokenMatcher
    /// Added tokens whose normalised form, which is what decoding gives, differs from their content.
    let normalizedContents: [Int32: [UInt8]]
    let template: Template

    /// Ids of the tokens marked special.
    public let specialTokenIDs: Set<Int32>
    /// Tokens of the model itself, without those that only the list of added ones has.
    private let ownVocabularySize: Int

    /// Longer tokens are refused, in bytes: a text may consist of them. The longest published ones have about 1000.
    static let longestToken = 16384

    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// - Throws: `Fault` of kind `badData` for a file that is too large, not JSON, inconsistent or not supported.
    public convenience init(parsing bytes: [UInt8]) throws(Fault) {
        try Tokenizer.checkSize(bytes.count)
        let (value, merges, pieces) = try Tokenizer.parsed(bytes)
        // Nothing else holds on to the values, so that they go as they are read.
        try self.init(json: consume value, merges: merges, pieces: pieces)
    }

    /// Reads the bytes of a `tokenizer.json` whose model has neither vocabulary nor merges of its own.
    ///
    /// - Throws: as for the whole file.
    public convenience init(parsing bytes: [UInt8], tables: ModelTables) throws(Fault) {
        let value = try JSONValue(
            parsing: bytes, limits: JSONLimits(memory: JSONLimits.vocabularyMemory(bytes.count)))
        try self.init(json: consume value, merges: nil, pieces: nil, tables: tables)
    }

    /// - Throws: `badData` for a `tokenizer.json` of more bytes than are read.
    public static func checkSize(_ bytes: Int) throws(Fault) {
        guard bytes <= JSONLimits.largestTokenizer else {
            throw Fault(
                .badData, "the tokenizer file is too large", found: "\(bytes) bytes",
                expected: "at most \(JSONLimits.largestTokenizer) bytes")
        }
    }

    private static func parsed(
        _ bytes: [UInt8]
    ) throws(Fault) -> (value: JSONValue, merges: JSONTextList?, pieces: JSONTextList?) {
        // The two long lists take several times their text as values.
        let document = try JSONDocument(
            parsing: bytes, leaving: [["model", "merges"], ["model", "vocab"]],
            limits: JSONLimits(memory: JSONLimits.vocabularyMemory(bytes.count)))
        return (document.value, document.list("model", "merges"), document.list("model", "vocab"))
    }

    /// - Parameter json: the content of a `tokenizer.json`.
    /// - Throws: `Fault` of kind `badData` naming the place for content that is inconsistent or not supported.
    public convenience init(json: JSONValue) throws(Fault) { try self.init(json: json, merges: nil, pieces: nil) }

    /// - Parameters:
    ///   - merges: those of a BPE model where the content holds them as text.
    ///   - pieces: the vocabulary of a Unigram model where the content holds it as text.
    ///   - tables: vocabulary and merges of a BPE model where the content has none.
    private init(
        json: consuming JSONValue, merges: JSONTextList?, pieces: JSONTextList?, tables: ModelTables? = nil
    ) throws(Fault) {
        // `truncation` and `padding` are left alone: they shape batches for a training loop, which sets them anew for
        // every call; they say nothing about the ids of a text.
        var root = try Component(consume json, place: "tokenizer")
        // The vocabulary as values takes many times its text, and is given up once it is read.
        let read = Result { () throws(Fault) in
            try ModelSource(root.take("model") ?? .null, merges: merges, pieces: pieces, tables: tables)
        }
        let rest = root
        func part(_ key: String) throws(Fault) -> Component? {
            guard let value = rest.optional(key) else { return nil }
            return try Component(value, place: key)
        }
        normalizers = try part("normalizer").map(Normalizer.steps) ?? []
        bytewise = BytewiseSteps(normalizers)
        preTokenizers = try part("pre_tokenizer").map(PreTokenizer.steps) ?? []
        try refuseMovedStart(normalizers, preTokenizers)
        decodingSteps = try part("decoder").map(DecodingStep.steps) ?? [.spaced]
        try refuseGrowth(normalizers, preTokenizers, decodingSteps)

        let source = try read.get()
        var added: [AddedToken] = []
        for (index, item) in (rest.optional("added_tokens")?.arrayValue ?? []).enumerated() {
            added.append(try AddedToken(Component(item, place: "added_tokens[\(index)]")))
        }
        let vocabulary = try joinedVocabulary(model: source.vocabulary, added: added)
        var byteLevel = false
        if case .byteLevel = preTokenizers.last { byteLevel = true }
        model = try source.model(vocabulary, byteLevel: byteLevel)
        ownVocabularySize = source.vocabulary.count

        specialTokenIDs = Set(added.filter(\.special).map(\.id))
        // Where two tokens look alike once normalised, special ones come first.
        let ordered = added.filter(\.special) + added.filter { !$0.special }
        var normalized: [(AddedToken, [UInt8])] = []
        var bytes = 0
        for token in ordered {
            var content = Array(token.content.utf8)
            if token.normalized {
                content = normalizers.reduce(content) { $1.apply(to: $0) }
                normalized.append((token, content))
            }
            bytes += content.count
            guard bytes <= AddedToken.mostBytes else {
                throw Fault(
                    .badData, "the tokenizer's added tokens are too long together", place: "added_tokens",
                    found: "more than \(AddedToken.mostBytes) bytes as they are looked for",
                    expected: "at most \(AddedToken.mostBytes)")
            }
        }
        // Their automata are built when it is known that they stay small.
        rawTokens = AddedTokenMatcher(ordered.filter { !$0.normalized }.map { ($0, Array($0.content.utf8)) })
        normalizedTokens = AddedTokenMatcher(normalized)
        sections = TextSections(
            bytewise, added: normalized, preTokenizers: preTokenizers, boundary: model.boundary)
        normalizedContents = Dictionary(normalized.map { ($0.0.id, $0.1) }) { $1 }
        var template = Template()
        if let processor = try part("post_processor") {
            try template.add(processor, vocabularySize: vocabulary.count)
        }
        self.template = template
    }

    /// The highest id plus one, added tokens included.
    public var vocabularySize: Int { model.vocabulary.count }

    /// Refuses an embedding that has no row for a token; rows without a token are padding, and usual.
    ///
    /// Tokens that were added after the vocabulary may have none, such as one for padding that a folder names and its
    /// model never learnt: they are in order until a text holds them.
    ///
    /// - Throws: `Fault` of kind `badData` if there are fewer rows than tokens without those that were added.
    public func check(embeddingRows rows: Int) throws(Fault) {
        guard rows >= ownVocabularySize else {
            let last = Int32(vocabularySize - 1)
            throw Fault(
                .badData, "the tokenizer has more tokens than the model's embedding has rows",
                place: "token \"\(token(of: last) ?? "")\", id \(last)", found: "\(vocabularySize) tokens",
                expected: "at most \(rows)", advice: "use the tokenizer that belongs to the model")
        }
    }

    /// Ids that `encode` puts before a text when special tokens are wanted: usually the one of BOS, or none.
    public var prefixIDs: [Int32] { template.prefix }

    public func id(of token: String) -> Int32? { model.vocabulary.id(of: Array(token.utf8)) }

    /// The token as the vocabulary writes it.
    public func token(of id: Int32) -> String? {
        model.vocabulary.token(of: id).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The ids of a text.
    ///
    /// - Parameter addSpecialTokens: whether the tokens that the post-processor names are put around it. Special tokens
    ///   written in the text are recognised in any case.
    public func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        var encoder = makeEncoder()
        return encoder.encode(text, addSpecialTokens: addSpecialTokens)
    }

    /// For many texts: an encoder remembers words that it has met.
    public func makeEncoder() -> Encoder { Encoder(self) }

    /// The text of ids. Ids outside the vocabulary are passed over; bytes that are not UTF-8 become U+FFFD.
    public func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool) -> String {
        var decoder = makeStreamingDecoder(skipSpecialTokens: skipSpecialTokens)
        var bytes: [UInt8] = []
        for id in ids { bytes += decoder.appendedBytes(id) }
        bytes += decoder.finishedBytes()
        return String(decoding: bytes, as: UTF8.self)
    }

    public func makeStreamingDecoder(skipSpecialTokens: Bool) -> StreamingDecoder {
        StreamingDecoder(self, skipsSpecialTokens: skipSpecialTokens)
    }
}

/// Refuses steps that could make a text or a token longer than memory holds; see `Growth`.
private func refuseGrowth(
    _ normalizers: [Normalizer], _ preTokenizers: [PreTokenizer], _ decodingSteps: [DecodingStep]
) throws(Fault) {
    var encoding = Growth()
    encoding.take(normalizers)
    try encoding.check(steps: normalizers.count, place: "normalizer")
    encoding.take(preTokenizers)
    try encoding.check(steps: preTokenizers.count, place: "pre_tokenizer")
    var decoding = Growth()
    decoding.take(decodingSteps)
    try decoding.check(steps: decodingSteps.count, place: "decoder")
}

/// A replacement at the start of a text makes the reference implementation lose that start, which `Metaspace` with the
/// scheme `first` looks for. Only the usual replacement, which writes blanks as `Metaspace` does, cannot matter.
private func refuseMovedStart(_ normalizers: [Normalizer], _ preTokenizers: [PreTokenizer]) throws(Fault) {
    for case .metaspace(let metaspace) in preTokenizers where metaspace.prefix == .first {
        for normalizer in normalizers where normalizer.movesStart {
            throw Fault(
                .badData, "the tokenizer uses a feature that is not supported", place: "normalizer",
                found: "a step that rewrites the start together with pre-tokenizer Metaspace of prepend_scheme first",
                expected: "prepend_scheme always or never")
        }
        for case .replace(let pattern, let content) in normalizers
        where pattern != [UInt8(ascii: " ")] || content != metaspace.replacement {
            throw Fault(
                .badData, "the tokenizer uses a feature that is not supported", place: "normalizer",
                found: "Replace together with pre-tokenizer Metaspace of prepend_scheme first",
                expected: "prepend_scheme always or never")
        }
    }
}

/// The tokens of the model and the added ones under ids from 0 without a gap.
private func joinedVocabulary(
    model: [(token: String, id: Int32)], added: [AddedToken]
) throws(Fault) -> Vocabulary {
    // Only what is asked for: a table of all tokens would take as much as the vocabulary.
    let wanted = Set(added.map { ExactText($0.content) })
    var known: [ExactText: Int32] = [:]
    for (token, id) in model {
        guard token.utf8.count <= Tokenizer.longestToken else {
            throw Fault(
                .badData, "a token of the tokenizer is too long", place: "model.vocab, id \(id)",
                found: "\(token.utf8.count) bytes", expected: "at most \(Tokenizer.longestToken)")
        }
        let text = ExactText(token)
        if wanted.contains(text) { known[text] = id }
    }
    var extra: [AddedToken] = []
    for token in added {
        if let id = known[ExactText(token.content)] {
            guard id == token.id else { throw idFault(token.content, token.id, "the id \(id), which it has elsewhere") }
        } else {
            known[ExactText(token.content)] = token.id
            extra.append(token)
        }
    }
    let count = model.count + extra.count
    var tokens = [String](repeating: "", count: count)
    var isInModel = [Bool](repeating: false, count: count)
    var isTaken = [Bool](repeating: false, count: count)
    func put(_ token: String, _ id: Int32, belongsToModel: Bool) throws(Fault) {
        guard id < count else {
            throw idFault(token, id, "ids from 0 to \(count - 1) for \(count) tokens, without a gap")
        }
        guard !isTaken[Int(id)] else {
            throw idFault(token, id, "an id of its own: \"\(tokens[Int(id)])\" has this one")
        }
        isTaken[Int(id)] = true
        tokens[Int(id)] = token
        isInModel[Int(id)] = belongsToModel
    }
    for (token, id) in model { try put(token, id, belongsToModel: true) }
    for token in extra { try put(token.content, token.id, belongsToModel: false) }
    return try Vocabulary(tokens: tokens, isInModel: isInModel)
}

private func idFault(_ token: String, _ id: Int32, _ expected: String) -> Fault {
    Fault(
        .badData, "a token of the tokenizer has an invalid id", place: "token \"\(token)\"", found: "id \(id)",
        expected: expected)
}
