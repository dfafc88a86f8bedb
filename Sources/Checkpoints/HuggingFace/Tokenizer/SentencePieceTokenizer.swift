import Faults
import Foundation
import JSONText

/// A tokenizer of a SentencePiece model, as the reference converts it.
struct SentencePieceTokenizer {
    private(set) var parts: TokenizerParts
    let vocabulary: JSONObject
    /// Special tokens that the model itself names.
    private(set) var standards: [(String, String)] = []
    /// Tokens that the model has cut out of the text.
    private(set) var extra: [ListedToken] = []
    private(set) var warnings: [String] = []

    private static let mark = "\u{2581}"

    /// - Parameters:
    ///   - renamed: the names that tokenizer_config.json gives to pieces.
    /// - Throws: `badData` naming what is not supported.
    init(
        _ model: SentencePieceModel, class tokenizerClass: TokenizerClass, settings: JSONObject, renamed: [Int: String]
    ) throws(Fault) {
        switch tokenizerClass {
        case .llama: try self.init(llama: model, settings: settings)
        case .general: try self.init(general: model, settings: settings, renamed: renamed)
        case .gpt2, .gptNeoX, .qwen2, .other:
            throw Fault(
                .badData, "the tokenizer's class is not supported with a SentencePiece model",
                file: "tokenizer_config.json", place: "key 'tokenizer_class'", found: tokenizerClass.name,
                expected: "LlamaTokenizer or PreTrainedTokenizerFast", advice: SentencePieceTokenizer.advice)
        }
    }

    static let advice =
        "add the tokenizer.json of the model that this one was made from; transformers' save_pretrained writes one"

    // MARK: LlamaTokenizer

    /// The class has steps of its own and takes pieces alone from the model: merges are ranked by ids, not by scores.
    private init(llama model: SentencePieceModel, settings: JSONObject) throws(Fault) {
        vocabulary = try SentencePieceTokenizer.vocabulary(model, renamed: [:])
        try TokenDivisions.check(vocabulary.keys, file: "tokenizer.model", place: "pieces")
        if model.algorithm != .bpe {
            warnings.append(
                "tokenizer.model is not a BPE model; its pieces are merged in the order of their ids, as "
                    + "LlamaTokenizer of "
                    + "transformers 5 does, where SentencePiece itself cuts some text differently")
        } else if !model.characterMap.isEmpty || model.removesExtraBlanks {
            warnings.append(
                "tokenizer.model rewrites characters or spaces, which LlamaTokenizer of transformers 5 leaves alone; "
                    + "so "
                    + "are they here, where SentencePiece itself cuts some text differently")
        }
        extra = SentencePieceTokenizer.extra(model)
        let prefix = settings["add_prefix_space"]?.boolValue ?? true
        let merges = SentencePieceTokenizer.merges(model.pieces.map(\.text), vocabulary)
        parts = TokenizerParts(
            model: TokenizerJSON.bpe(
                vocabulary: vocabulary, merges: merges, unknown: nil, fusesUnknown: true, byteFallback: true))
        parts.preTokenizer = SentencePieceTokenizer.llamaCut(settings)
        parts.decoder = SentencePieceTokenizer.decoder(byteFallback: true, fuses: true, strips: prefix)
    }

    /// The pre-tokenizer of the class.
    static func llamaCut(_ settings: JSONObject) -> JSONValue {
        guard settings["add_prefix_space"]?.boolValue ?? true else { return metaspace("never") }
        return metaspace(settings["legacy"]?.boolValue ?? false ? "always" : "first")
    }

    /// Every division of a piece into two pieces is a merge: by the id of the piece, then by the length of the left
    /// part.
    private static func merges(_ pieces: [String], _ vocabulary: JSONObject) -> [JSONValue] {
        var merges: [JSONValue] = []
        for piece in pieces {
            TokenDivisions.forEach(of: piece) { left, right in
                guard vocabulary[left] != nil, vocabulary[right] != nil else { return }
                merges.append(TokenizerJSON.merge(left, right))
            }
        }
        return merges
    }

    // MARK: Without a class

    /// The model's own settings: merges are ranked by scores.
    private init(general model: SentencePieceModel, settings: JSONObject, renamed: [Int: String]) throws(Fault) {
        guard model.algorithm == .bpe || model.algorithm == .unigram else {
            throw Fault(
                .badData, "the SentencePiece model is not supported", file: "tokenizer.model",
                found: "a \(model.algorithm) model", expected: "a BPE or Unigram model",
                advice: SentencePieceTokenizer.advice)
        }
        let isUnigram = model.algorithm == .unigram
        vocabulary = try SentencePieceTokenizer.vocabulary(model, renamed: isUnigram ? [:] : renamed)
        let names = vocabulary.keys
        try TokenDivisions.check(names, file: "tokenizer.model", place: "pieces")
        let userDefined = model.pieces.indices.filter { model.pieces[$0].kind == .userDefined }.map { names[$0] }
        extra = SentencePieceTokenizer.extra(model).filter(\.special)
        if model.beginningID >= 0 { standards.append(("bos_token", model.beginning)) }
        if model.endID >= 0 { standards.append(("eos_token", model.end)) }
        if model.unknownID >= 0 { standards.append(("unk_token", model.unknown)) }
        if isUnigram {
            let pieces = model.pieces.map { JSONValue.array([.string($0.text), .double(Double($0.score))]) }
            parts = TokenizerParts(
                model: .object([
                    "type": .string("Unigram"), "unk_id": .integer(model.unknownID), "vocab": .array(pieces),
                    "byte_fallback": .bool(model.byteFallback),
                ]))
        } else {
            parts = TokenizerParts(
                model: TokenizerJSON.bpe(
                    vocabulary: vocabulary, merges: SentencePieceTokenizer.scoredMerges(model, names),
                    unknown: model.unknown, fusesUnknown: true, byteFallback: model.byteFallback,
                    ignoresMerges: !userDefined.isEmpty))
        }
        let mark = SentencePieceTokenizer.mark
        let isLegacy = settings["legacy"]?.boolValue ?? true
        var normalizers: [JSONValue] = []
        if !model.characterMap.isEmpty {
            normalizers.append(
                .object([
                    "type": .string("Precompiled"),
                    "precompiled_charsmap": .string(Data(model.characterMap).base64EncodedString()),
                ]))
        }
        if model.removesExtraBlanks {
            normalizers.append(TokenizerJSON.replace(TokenizerJSON.regex(#"\A +| +\z"#), with: ""))
            normalizers.append(TokenizerJSON.replace(TokenizerJSON.regex(" {2,}"), with: " "))
        }
        if model.escapesBlanks { normalizers.append(TokenizerJSON.replace(TokenizerJSON.text(" "), with: mark)) }
        if model.addsPrefix, isLegacy {
            normalizers.append(TokenizerJSON.replace(TokenizerJSON.regex(#"\A"# + mark), with: mark + mark))
        }
        parts.normalizer = TokenizerJSON.normalizers(normalizers)
        var cuts: [JSONValue] = []
        if model.addsPrefix { cuts.append(SentencePieceTokenizer.metaspace(isLegacy ? "always" : "first")) }
        if !userDefined.isEmpty {
            cuts.append(TokenizerJSON.split(SentencePieceTokenizer.alternatives(userDefined)))
        }
        if !cuts.isEmpty { parts.preTokenizer = TokenizerJSON.preTokenizers(cuts) }
        parts.decoder = SentencePieceTokenizer.decoder(
            byteFallback: model.byteFallback, fuses: model.addsPrefix || model.byteFallback, strips: model.addsPrefix)
    }

    /// A regular expression for literal texts, the longest first.
    private static func alternatives(_ texts: [String]) -> String {
        let signs = Set(#"\^$.|?*+()[]{}"#.unicodeScalars)
        let sorted = texts.enumerated().sorted {
            let (first, second) = ($0.element.unicodeScalars.count, $1.element.unicodeScalars.count)
            return first > second || (first == second && $0.offset < $1.offset)
        }
        return sorted.map { text in
            text.element.unicodeScalars.map { signs.contains($0) ? "\\\($0)" : "\($0)" }.joined()
        }.joined(separator: "|")
    }

    /// Only normal pieces merge: the highest score first, then the lowest id, then the parts by their bytes.
    private static func scoredMerges(_ model: SentencePieceModel, _ names: [String]) -> [JSONValue] {
        let normal = Set(model.pieces.indices.filter { model.pieces[$0].kind == .normal }.map { ExactText(names[$0]) })
        let order = model.pieces.indices.filter { model.pieces[$0].kind == .normal }.sorted {
            let (first, second) = (model.pieces[$0].score, model.pieces[$1].score)
            return first > second || (first == second && $0 < $1)
        }
        var merges: [JSONValue] = []
        for id in order {
            // The shorter of two parts at the start of one piece has the lesser bytes.
            TokenDivisions.forEach(of: names[id]) { left, right in
                guard normal.contains(ExactText(left)), normal.contains(ExactText(right)) else { return }
                merges.append(TokenizerJSON.merge(left, right))
            }
        }
        return merges
    }

    // MARK: Both

    private static func vocabulary(_ model: SentencePieceModel, renamed: [Int: String]) throws(Fault) -> JSONObject {
        // A name that another piece keeps is not given twice.
        let kept = Set(model.pieces.indices.filter { renamed[$0] == nil }.map { ExactText(model.pieces[$0].text) })
        var vocabulary = JSONObject()
        for (id, piece) in model.pieces.enumerated() {
            var name = piece.text
            if let other = renamed[id], !kept.contains(ExactText(other)) { name = other }
            guard vocabulary[name] == nil else {
                throw Fault(
                    .badData, "a piece appears twice in the SentencePiece model", file: "tokenizer.model",
                    place: "piece \(id)", found: ListedToken.shown(name))
            }
            vocabulary[name] = .integer(id)
        }
        return vocabulary
    }

    private static func extra(_ model: SentencePieceModel) -> [ListedToken] {
        model.pieces.filter { $0.kind == .control || $0.kind == .userDefined }.map {
            var token = ListedToken(special: $0.text)
            token.special = $0.kind == .control
            return token
        }
    }

    private static func metaspace(_ scheme: String) -> JSONValue {
        .object([
            "type": .string("Metaspace"), "replacement": .string(mark), "prepend_scheme": .string(scheme),
            "split": .bool(false),
        ])
    }

    private static func decoder(byteFallback: Bool, fuses: Bool, strips: Bool) -> JSONValue {
        var steps = [TokenizerJSON.replace(TokenizerJSON.text(mark), with: " ")]
        if byteFallback { steps.append(TokenizerJSON.byteFallback) }
        if fuses { steps.append(TokenizerJSON.fusion) }
        if strips { steps.append(TokenizerJSON.leadingBlank) }
        return TokenizerJSON.decoders(steps)
    }
}
