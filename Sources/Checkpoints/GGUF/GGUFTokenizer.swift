import Faults
import JSONText

/// The tokenizer in a GGUF file's metadata, and the `tokenizer.json` that does the same.
struct GGUFTokenizer: Sendable {
    enum Model: String, CaseIterable {
        /// Byte-level BPE with a list of merges.
        case gpt2
        /// SentencePiece BPE with byte fallback; merges follow from the scores.
        case llama
    }

    /// Kinds of tokens, by their codes in the file.
    enum TokenKind {
        static let unknown = 2
        static let control = 3
        static let userDefined = 4
        static let byte = 6
    }

    /// Each is looked for in every text, and takes 1.5 KB; vocabularies have up to 6,500.
    static let mostAdded = 1 << 15

    let model: Model
    /// By id.
    let tokens: PackedStrings
    let kinds: [Int]
    /// A `tokenizer.json`.
    let text: GGUFTokenizerText
    /// Tokens that are cut out of the text before the model sees it.
    let added: [ListedToken]
    let warnings: [String]
    let beginning: Int?
    let end: Int?
    let unknown: Int?
    let padding: Int?
    /// Every id that ends a turn or a text, the end of a text first.
    let turnEnds: [Int]

    /// Nil when the file has no tokenizer.
    init?(_ metadata: GGUFMetadata) throws(Fault) {
        let prefix = "tokenizer.ggml."
        guard let name = try metadata.string(prefix + "model"), name != "no_vocab" else { return nil }
        guard let model = Model(rawValue: name) else {
            throw Fault(
                .badData, "the tokenizer model '\(name)' is not supported in a GGUF file", file: metadata.file,
                place: "key '\(prefix)model'", found: name,
                expected: Model.allCases.map(\.rawValue).joined(separator: ", "))
        }
        let tokens = try metadata.required(prefix + "tokens", try metadata.packedStrings(prefix + "tokens"))
        let kinds = try metadata.integers(prefix + "token_type") ?? [Int](repeating: 1, count: tokens.count)
        guard kinds.count == tokens.count else {
            throw Fault(
                .badData, "the number of token types differs from the number of tokens", file: metadata.file,
                place: "key '\(prefix)token_type'", found: "\(kinds.count) types", expected: "\(tokens.count)")
        }
        func id(_ key: String, standard: Int?) throws(Fault) -> Int? {
            guard let id = try metadata.token(prefix + key) ?? standard else { return nil }
            guard tokens.indices.contains(id) else {
                throw Fault(
                    .badData, "a special token is not in the vocabulary", file: metadata.file,
                    place: "key '\(prefix)\(key)'", found: "\(id)", expected: "an id below \(tokens.count)")
            }
            return id
        }
        let sentencePiece = model == .llama
        beginning = try id("bos_token_id", standard: sentencePiece ? 1 : nil)
        end = try id("eos_token_id", standard: sentencePiece ? 2 : nil)
        unknown = try id("unknown_token_id", standard: sentencePiece ? 0 : nil)
        var noticed: [String] = []
        // Some converters count a padding token that they did not add; nothing here pads.
        if let id = try metadata.token(prefix + "padding_token_id"), !tokens.indices.contains(id) {
            noticed.append(
                "\(metadata.file): \(prefix)padding_token_id is \(id), which is not in the vocabulary; it is left out")
            padding = nil
        } else {
            padding = try id("padding_token_id", standard: nil)
        }
        let templates = metadata.keys.filter { $0.hasPrefix("tokenizer.chat_template.") }
        if !templates.isEmpty {
            let names = templates.map { $0.dropFirst("tokenizer.chat_template.".count) }.joined(separator: ", ")
            noticed.append("\(metadata.file): further chat templates of the file are not copied: \(names)")
        }
        turnEnds = GGUFTurnEnds.ids(
            named: [end, try id("eot_token_id", standard: nil), try id("eom_token_id", standard: nil)], tokens, kinds)
        self.model = model
        self.tokens = tokens
        self.kinds = kinds
        added = GGUFTokenizer.addedTokens(tokens, kinds, model)
        guard added.count <= GGUFTokenizer.mostAdded else {
            throw Fault(
                .badData, "too many tokens of the vocabulary are cut out of the text before it is split",
                file: metadata.file, place: "key '\(prefix)token_type'",
                found: "\(added.count) control and user-defined tokens", expected: "at most \(GGUFTokenizer.mostAdded)",
                advice: "the file is damaged or malicious; download it again from a source that you trust")
        }

        let vocabulary = try GGUFVocabulary(tokens, file: metadata.file)
        let parts: GGUFTokenizerParts
        switch model {
        case .gpt2: parts = try .byteLevel(metadata)
        case .llama: parts = try .sentencePiece(metadata, kinds: kinds, vocabulary: vocabulary)
        }
        let template = try GGUFTokenizer.template(
            metadata, tokens, beginning: beginning, end: end, addsBeginning: parts.addsBeginning)
        warnings = parts.warnings + noticed
        let frame = TokenizerJSON.document(
            added: added, normalizer: parts.normalizer,
            preTokenizer: parts.preTokenizer, postProcessor: parts.postProcessor(template), decoder: parts.decoder,
            model: TokenizerJSON.bpe(
                vocabulary: JSONObject(), merges: [], unknown: sentencePiece ? unknown.map { tokens[$0] } : nil,
                fusesUnknown: sentencePiece,
                byteFallback: sentencePiece, ignoresMerges: parts.ignoresMerges))
        text = GGUFTokenizerText(tokens: tokens, merges: parts.merges, frame: frame)
    }

    /// Tokens that are cut out of the text before the model sees it.
    private static func addedTokens(_ tokens: PackedStrings, _ kinds: [Int], _ model: Model) -> [ListedToken] {
        kinds.enumerated().compactMap { (id, kind) -> ListedToken? in
            let special = kind == TokenKind.control || (kind == TokenKind.unknown && model == .llama)
            guard special || kind == TokenKind.userDefined else { return nil }
            var listed = ListedToken(special: tokens[id], id: id)
            listed.special = special
            return listed
        }
    }

    /// The post-processor that puts BOS before and EOS after a text, where the file asks for it.
    private static func template(
        _ metadata: GGUFMetadata, _ tokens: PackedStrings, beginning: Int?, end: Int?, addsBeginning: Bool
    ) throws(Fault) -> JSONValue? {
        func added(_ key: String, _ id: Int?, standard: Bool) throws(Fault) -> TokenizerJSON.Named? {
            guard try metadata.bool("tokenizer.ggml.\(key)") ?? standard else { return nil }
            guard let id else {
                throw Fault(
                    .badData, "a token is to be added to every text, but the file does not say which",
                    file: metadata.file, place: "key 'tokenizer.ggml.\(key)'")
            }
            return (tokens[id], id)
        }
        return TokenizerJSON.template(
            before: try added("add_bos_token", beginning, standard: addsBeginning),
            after: try added("add_eos_token", end, standard: false))
    }
}
