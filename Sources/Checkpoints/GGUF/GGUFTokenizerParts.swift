import Faults
import JSONText

/// What differs between tokenizer families inside `tokenizer.json`.
struct GGUFTokenizerParts {
    var normalizer: JSONValue = .null
    var preTokenizer: JSONValue = .null
    var decoder: JSONValue = .null
    /// A post-processor that stands before the template.
    var postProcessorFirst: JSONValue?
    var merges: GGUFMerges
    var ignoresMerges = false
    /// Whether BOS is added when the file does not say.
    var addsBeginning = false
    var warnings: [String] = []

    func postProcessor(_ template: JSONValue?) -> JSONValue {
        switch (postProcessorFirst, template) {
        case (nil, nil): .null
        case (let only?, nil), (nil, let only?): only
        case (let first?, let second?):
            .object(["type": .string("Sequence"), "processors": .array([first, second])])
        }
    }
}

/// Byte-level BPE.
extension GGUFTokenizerParts {
    static func byteLevel(_ metadata: GGUFMetadata) throws(Fault) -> GGUFTokenizerParts {
        var warnings: [String] = []
        let pre = try GGUFPreTokenizer(metadata, warnings: &warnings)
        var parts = GGUFTokenizerParts(merges: try GGUFMerges(listed: metadata), warnings: warnings)
        parts.ignoresMerges = pre.ignoresMerges
        parts.addsBeginning = pre.addsBeginning
        if pre.composes { parts.normalizer = TokenizerJSON.composition }
        parts.decoder = TokenizerJSON.byteLevel(prefixSpace: true, regex: true)
        parts.preTokenizer = pre.rule.json
        switch pre.rule {
        case .llama3:
            parts.postProcessorFirst = TokenizerJSON.byteLevel(prefixSpace: true, trim: false, regex: true)
        case .qwen2:
            let plain = TokenizerJSON.byteLevel(prefixSpace: false, trim: false, regex: false)
            parts.postProcessorFirst = plain
            parts.decoder = plain
        case .gpt2, .digitsAndGPT2, .splits: break
        }
        return parts
    }
}

/// SentencePiece BPE.
extension GGUFTokenizerParts {
    static func sentencePiece(
        _ metadata: GGUFMetadata, kinds: [Int], vocabulary: GGUFVocabulary
    ) throws(Fault) -> GGUFTokenizerParts {
        let key = "tokenizer.ggml.scores"
        let tokens = vocabulary.tokens
        let scores = try metadata.required(key, try metadata.floats(key))
        guard scores.count == tokens.count else {
            throw Fault(
                .badData, "the number of scores differs from the number of tokens", file: metadata.file,
                place: "key '\(key)'",
                found: "\(scores.count) scores", expected: "\(tokens.count)")
        }
        if let id = scores.firstIndex(where: \.isNaN) {
            throw Fault(
                .badData, "a token's score is not a number, so that the order of merges is not known",
                file: metadata.file, place: "key '\(key)', id \(id)", found: "NaN", expected: "a number",
                advice: "download the file again, or convert the model again")
        }
        try TokenDivisions.check(tokens, file: metadata.file, place: "key 'tokenizer.ggml.tokens'")
        let prefixSpace = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
        let mark = "\u{2581}"
        let toMark = TokenizerJSON.replace(TokenizerJSON.text(" "), with: mark)
        var decoders = [
            TokenizerJSON.replace(TokenizerJSON.text(mark), with: " "), TokenizerJSON.byteFallback,
            TokenizerJSON.fusion,
        ]
        var parts = GGUFTokenizerParts(
            merges: .scored(GGUFScoredMerges(scores: scores, kinds: kinds, vocabulary: vocabulary)))
        parts.normalizer = toMark
        if prefixSpace {
            let prepend: JSONValue = .object(["type": .string("Prepend"), "prepend": .string(mark)])
            parts.normalizer = TokenizerJSON.normalizers([prepend, toMark])
            decoders.append(TokenizerJSON.leadingBlank)
        }
        parts.decoder = TokenizerJSON.decoders(decoders)
        parts.addsBeginning = true
        return parts
    }
}
