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
        if pre.composes { parts.normalizer = .object(["type": .string("NFC")]) }
        parts.decoder = bytes(prefixSpace: true, trim: true, regex: true)
        let cutBytes = bytes(prefixSpace: false, trim: true, regex: false)
        let digits: JSONValue = .object(["type": .string("Digits"), "individual_digits": .bool(true)])
        switch pre.rule {
        case .gpt2: parts.preTokenizer = sequence([bytes(prefixSpace: false, trim: true, regex: true)])
        case .digitsAndGPT2:
            parts.preTokenizer = sequence([digits, bytes(prefixSpace: false, trim: true, regex: true)])
        case .llama3:
            parts.preTokenizer = sequence([split(GGUFPattern.tiktoken(digits: #"\p{N}{1,3}"#)), cutBytes])
            parts.postProcessorFirst = bytes(prefixSpace: true, trim: false, regex: true)
        case .qwen2:
            let plain = bytes(prefixSpace: false, trim: false, regex: false)
            parts.preTokenizer = sequence([split(GGUFPattern.tiktoken(digits: #"\p{N}"#)), plain])
            parts.postProcessorFirst = plain
            parts.decoder = plain
        case .splits(let patterns, let singleDigits):
            parts.preTokenizer = sequence(patterns.map(split) + (singleDigits ? [digits] : []) + [cutBytes])
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

    private static func bytes(prefixSpace: Bool, trim: Bool, regex: Bool) -> JSONValue {
        .object([
            "type": .string("ByteLevel"), "add_prefix_space": .bool(prefixSpace), "trim_offsets": .bool(trim),
            "use_regex": .bool(regex),
        ])
    }

    private static func sequence(_ items: [JSONValue]) -> JSONValue {
        .object(["type": .string("Sequence"), "pretokenizers": .array(items)])
    }

    private static func split(_ pattern: String) -> JSONValue {
        .object([
            "type": .string("Split"), "pattern": .object(["Regex": .string(pattern)]),
            "behavior": .string("Isolated"), "invert": .bool(false),
        ])
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
        let prefixSpace = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
        let mark = "\u{2581}"
        let toMark: JSONValue = .object([
            "type": .string("Replace"), "pattern": .object(["String": .string(" ")]), "content": .string(mark),
        ])
        let fromMark: JSONValue = .object([
            "type": .string("Replace"), "pattern": .object(["String": .string(mark)]), "content": .string(" "),
        ])
        var decoders: [JSONValue] = [
            fromMark, .object(["type": .string("ByteFallback")]), .object(["type": .string("Fuse")]),
        ]
        var parts = GGUFTokenizerParts()
        parts.normalizer = toMark
        if prefixSpace {
            let prepend: JSONValue = .object(["type": .string("Prepend"), "prepend": .string(mark)])
            parts.normalizer = .object(["type": .string("Sequence"), "normalizers": .array([prepend, toMark])])
            decoders.append(
                .object([
                    "type": .string("Strip"), "content": .string(" "), "start": .integer(1), "stop": .integer(0),
                ]))
        }
        parts.decoder = .object(["type": .string("Sequence"), "decoders": .array(decoders)])
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
            for index in token.unicodeScalars.indices.dropFirst() {
                let left = String(token[..<index])
                let right = String(token[index...])
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
