import Faults
import JSONText

/// What differs between tokenizer families inside `tokenizer.json`.
struct GGUFTokenizerParts {
    var normalizer: JSONValue = .null
    var preTokenizer: JSONValue = .null
    var decoder: JSONValue = .null
    /// A post-processor that stands before the template.
    var postProcessorFirst: JSONValue?
    var merges: [(left: String, right: String)] = []
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
        var parts = GGUFTokenizerParts()
        let pre = try GGUFPreTokenizer(metadata, warnings: &parts.warnings)
        parts.merges = try fileMerges(metadata)
        parts.ignoresMerges = pre.ignoresMerges
        parts.addsBeginning = pre.addsBeginning
        if pre.composes { parts.normalizer = TokenizerJSON.composition }
        parts.decoder = TokenizerJSON.byteLevel(prefixSpace: true, regex: true)
        let cutBytes = TokenizerJSON.byteLevel(prefixSpace: false, regex: false)
        let cutText = TokenizerJSON.byteLevel(prefixSpace: false, regex: true)
        switch pre.rule {
        case .gpt2: parts.preTokenizer = TokenizerJSON.preTokenizers([cutText])
        case .digitsAndGPT2: parts.preTokenizer = TokenizerJSON.preTokenizers([TokenizerJSON.digits, cutText])
        case .llama3:
            parts.preTokenizer = TokenizerJSON.preTokenizers([
                TokenizerJSON.split(TokenizerPattern.tiktoken(digits: #"\p{N}{1,3}"#)), cutBytes,
            ])
            parts.postProcessorFirst = TokenizerJSON.byteLevel(prefixSpace: true, trim: false, regex: true)
        case .qwen2:
            let plain = TokenizerJSON.byteLevel(prefixSpace: false, trim: false, regex: false)
            parts.preTokenizer = TokenizerJSON.preTokenizers([
                TokenizerJSON.split(TokenizerPattern.tiktoken(digits: #"\p{N}"#)), plain,
            ])
            parts.postProcessorFirst = plain
            parts.decoder = plain
        case .splits(let patterns, let singleDigits):
            parts.preTokenizer = TokenizerJSON.preTokenizers(
                patterns.map(TokenizerJSON.split) + (singleDigits ? [TokenizerJSON.digits] : []) + [cutBytes])
        }
        return parts
    }

    private static func fileMerges(_ metadata: GGUFMetadata) throws(Fault) -> [(left: String, right: String)] {
        let key = "tokenizer.ggml.merges"
        var merges: [(left: String, right: String)] = []
        for (index, merge) in try metadata.required(key, try metadata.strings(key)).enumerated() {
            // Byte-level tokens hold no space, so the first one divides.
            guard let space = merge.utf8.firstIndex(of: 0x20), space > merge.startIndex,
                merge.utf8.index(after: space) < merge.endIndex
            else {
                throw Fault(
                    .badData, "a merge is not two tokens with a space between", file: metadata.file,
                    place: "key '\(key)', item \(index)", found: "'\(merge)'")
            }
            merges.append((String(merge[..<space]), String(merge[merge.utf8.index(after: space)...])))
        }
        return merges
    }
}

/// SentencePiece BPE.
extension GGUFTokenizerParts {
    static func sentencePiece(
        _ metadata: GGUFMetadata, tokens: [String], kinds: [Int], vocabulary: JSONObject
    ) throws(Fault) -> GGUFTokenizerParts {
        let key = "tokenizer.ggml.scores"
        let scores = try metadata.required(key, try metadata.floats(key))
        guard scores.count == tokens.count else {
            throw Fault(
                .badData, "the scores do not fit the tokens", file: metadata.file, place: "key '\(key)'",
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
        var parts = GGUFTokenizerParts()
        parts.normalizer = toMark
        if prefixSpace {
            let prepend: JSONValue = .object(["type": .string("Prepend"), "prepend": .string(mark)])
            parts.normalizer = TokenizerJSON.normalizers([prepend, toMark])
            decoders.append(TokenizerJSON.leadingBlank)
        }
        parts.decoder = TokenizerJSON.decoders(decoders)
        parts.merges = scoreMerges(tokens: tokens, kinds: kinds, scores: scores, vocabulary: vocabulary)
        parts.addsBeginning = true
        return parts
    }

    /// Every division of a token into two tokens is a merge; the token's score ranks it, then the parts' ids.
    static func scoreMerges(
        tokens: [String], kinds: [Int], scores: [Float], vocabulary: JSONObject
    ) -> [(left: String, right: String)] {
        let skipped = [
            GGUFTokenizer.TokenKind.unknown, GGUFTokenizer.TokenKind.control, GGUFTokenizer.TokenKind.byte,
        ]
        var merges: [(score: Float, left: String, right: String)] = []
        for (id, token) in tokens.enumerated() where !skipped.contains(kinds[id]) {
            var divisions: [(ids: (Int, Int), left: String, right: String)] = []
            TokenDivisions.forEach(of: token) { left, right in
                if let leftID = vocabulary[left]?.integerValue, let rightID = vocabulary[right]?.integerValue {
                    divisions.append(((leftID, rightID), left, right))
                }
            }
            divisions.sort { $0.ids < $1.ids }
            merges += divisions.map { (scores[id], $0.left, $0.right) }
        }
        // A stable order: Swift's sort keeps equal elements in place only by chance of its algorithm.
        let order = merges.indices.sorted { left, right in
            let (first, second) = (merges[left].score, merges[right].score)
            return first > second || (first == second && left < right)
        }
        return order.map { (merges[$0].left, merges[$0].right) }
    }
}
