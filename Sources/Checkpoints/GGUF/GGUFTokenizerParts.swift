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

/// Byte-level BPE: the pre-tokenizer is told by a name, and only names whose meaning is certain are accepted.
extension GGUFTokenizerParts {
    static let preTokenizerNames = ["smollm", "gpt-2", "default", "llama-bpe", "qwen2"]

    static func byteLevel(_ metadata: GGUFMetadata) throws(Fault) -> GGUFTokenizerParts {
        let key = "tokenizer.ggml.pre"
        let name = try metadata.required(key, try metadata.string(key))
        var parts = GGUFTokenizerParts()
        parts.merges = try fileMerges(metadata)
        parts.decoder = bytes(prefixSpace: true, trim: true, regex: true)
        switch name {
        case "smollm":
            parts.preTokenizer = sequence([
                .object(["type": .string("Digits"), "individual_digits": .bool(true)]),
                bytes(prefixSpace: false, trim: true, regex: true),
            ])
        case "gpt-2", "default":
            parts.preTokenizer = sequence([bytes(prefixSpace: false, trim: true, regex: true)])
            if name == "default" {
                parts.warnings.append(
                    "\(metadata.file): the file does not say how text is split before BPE; GPT-2's rule is used")
            }
        case "llama-bpe", "llama-v3", "llama3":
            parts.preTokenizer = sequence([split(digits: "{1,3}"), bytes(prefixSpace: false, trim: true, regex: false)])
            parts.postProcessorFirst = bytes(prefixSpace: true, trim: false, regex: true)
            parts.ignoresMerges = true
            parts.addsBeginning = true
        case "qwen2":
            parts.normalizer = .object(["type": .string("NFC")])
            parts.preTokenizer = sequence([split(digits: ""), bytes(prefixSpace: false, trim: false, regex: false)])
            parts.postProcessorFirst = bytes(prefixSpace: false, trim: false, regex: false)
            parts.decoder = bytes(prefixSpace: false, trim: false, regex: false)
        default:
            throw Fault(
                .badData, "the pre-tokenizer '\(name)' is not supported in a GGUF file", file: metadata.file,
                place: "key '\(key)'", found: name, expected: preTokenizerNames.joined(separator: ", "),
                advice: "use the model's Hugging Face folder instead")
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

    /// The pattern of Llama 3 (`digits` "{1,3}") and Qwen 2 (one digit at a time).
    private static func split(digits: String) -> JSONValue {
        let pattern =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        return .object([
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
