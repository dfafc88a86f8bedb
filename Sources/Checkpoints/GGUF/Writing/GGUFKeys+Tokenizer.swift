import Faults
import JSONText

/// The special tokens of a model, as its files name them.
package struct GGUFSpecialTokens: Sendable {
    /// BOS.
    package var beginning: Int?
    /// What ends a text.
    package var end: Int?
    /// What else ends a turn.
    package var otherEnds: [Int]
    package var unknown: Int?
    package var padding: Int?
    /// Whether the tokenizer puts BOS before, and the end after, every text.
    package var addsBeginning: Bool
    package var addsEnd: Bool

    package init(
        beginning: Int?, end: Int?, otherEnds: [Int] = [], unknown: Int? = nil, padding: Int? = nil,
        addsBeginning: Bool, addsEnd: Bool
    ) {
        (self.beginning, self.end, self.otherEnds) = (beginning, end, otherEnds)
        (self.unknown, self.padding) = (unknown, padding)
        (self.addsBeginning, self.addsEnd) = (addsBeginning, addsEnd)
    }
}

extension GGUFKeys {
    /// Adds the keys of a tokenizer that has byte-level BPE, or BPE with byte fallback whose merges scores can say.
    ///
    /// - Parameters:
    ///   - json: a `tokenizer.json`.
    ///   - rows: of the embedding. Rows without a token get one that no text makes, since the format's readers want as
    ///     many tokens as rows.
    ///   - special: ids below `rows`.
    ///   - file: the tokenizer's, for messages.
    /// - Returns: what the format cannot say and a person should know.
    /// - Throws: `badData` for a tokenizer that the format cannot say.
    package mutating func addTokenizer(
        _ json: JSONValue, rows: Int, special: GGUFSpecialTokens, file: String
    ) throws(Fault) -> [String] {
        let table = try TokenTable(json, rows: rows, file: file)
        let prefix = "tokenizer.ggml."
        switch table.kind {
        case .byteLevel(let name):
            set(prefix + "model", GGUFTokenizer.Model.gpt2.rawValue)
            set(prefix + "pre", name)
        case .sentencePiece:
            set(prefix + "model", GGUFTokenizer.Model.llama.rawValue)
            set(prefix + "pre", "default")
        }
        set(prefix + "tokens", .strings(table.tokens))
        switch table.kind {
        case .byteLevel:
            set(prefix + "token_type", table.kinds)
            set(prefix + "merges", try table.mergeLines())
        case .sentencePiece(let prefixSpace):
            set(prefix + "scores", try table.scores())
            set(prefix + "token_type", table.kinds)
            set(prefix + "add_space_prefix", prefixSpace)
        }
        // Where a file of this kind says nothing, readers take ids of their own.
        if case .sentencePiece = table.kind {
            for (name, id) in [("beginning", special.beginning), ("end", special.end)] where id == nil {
                throw Fault(
                    .badData, "the model does not name the \(name) of a text, and readers of GGUF would take another",
                    file: file, expected: name == "end" ? "eos_token_id in config.json" : "bos_token_id in config.json")
            }
        }
        let ends = special.otherEnds
        for (key, id) in [
            ("bos", special.beginning), ("eos", special.end), ("unknown", special.unknown ?? table.unknown),
            ("padding", special.padding), ("eot", ends.first), ("eom", ends.dropFirst().first),
        ] {
            if let id { set(prefix + "\(key)_token_id", id) }
        }
        set(prefix + "add_bos_token", special.addsBeginning)
        set(prefix + "add_eos_token", special.addsEnd)
        return table.notes
    }
}

/// The tokens of a `tokenizer.json` by id, and what the format needs to know of them.
private struct TokenTable {
    enum Kind {
        /// With the name of the rule that cuts text.
        case byteLevel(String)
        /// Whether a blank is put before a text.
        case sentencePiece(prefixSpace: Bool)
    }

    let file: String
    let kind: Kind
    let tokens: PackedStrings
    let kinds: [Int]
    let unknown: Int?
    let notes: [String]
    private let merges: [JSONValue]

    private static let normal = 1
    private static let unused = 5

    init(_ json: JSONValue, rows: Int, file: String) throws(Fault) {
        func part(_ key: String) -> JSONValue { json.objectValue?[key] ?? .null }
        guard let model = part("model").objectValue, let vocabulary = model["vocab"]?.objectValue,
            let merges = model["merges"]?.arrayValue, model["type"]?.stringValue ?? "BPE" == "BPE"
        else {
            throw TokenTable.unsupported(
                "key 'model'", found: part("model").objectValue?["type"]?.stringValue ?? "no BPE model",
                expected: "a BPE model with vocabulary and merges", file: file)
        }
        self.file = file
        self.merges = merges
        let byteFallback = model["byte_fallback"]?.boolValue ?? false
        let kind = try TokenTable.kind(
            normalizer: part("normalizer"), preTokenizer: part("pre_tokenizer"),
            ignoresMerges: model["ignore_merges"]?.boolValue ?? false, byteFallback: byteFallback, file: file)
        self.kind = kind
        var isSentencePiece = false
        if case .sentencePiece = kind { isSentencePiece = true }

        var texts = [String?](repeating: nil, count: rows)
        var kinds = [Int](repeating: TokenTable.unused, count: rows)
        var ids: [ExactText: Int] = [:]
        func put(_ text: String, _ id: Int, _ kind: Int, _ place: String) throws(Fault) {
            guard texts.indices.contains(id), texts[id] == nil || ids[ExactText(text)] == id else {
                throw Fault(
                    .badData, "a token's id cannot be used", file: file, place: place, found: "\(id)",
                    expected: "an id of its own below \(rows)")
            }
            (texts[id], kinds[id], ids[ExactText(text)]) = (text, kind, id)
        }
        for (text, value) in vocabulary.members {
            let isByte = isSentencePiece && byteFallback && TokenTable.isByte(text)
            try put(
                text, value.integerValue ?? -1, isByte ? GGUFTokenizer.TokenKind.byte : TokenTable.normal,
                "key 'model.vocab'")
        }
        var stripping: [ListedToken] = []
        for (index, item) in (part("added_tokens").arrayValue ?? []).enumerated() {
            let place = "added_tokens[\(index)]"
            let listed = try ListedToken(item.objectValue ?? JSONObject(), place: place)
            let id = ids[ExactText(listed.content)] ?? item.objectValue?["id"]?.integerValue ?? -1
            try put(
                listed.content, id,
                listed.special ? GGUFTokenizer.TokenKind.control : GGUFTokenizer.TokenKind.userDefined, place)
            if listed.stripsLeft || listed.stripsRight || listed.singleWord { stripping.append(listed) }
        }
        let unknownText = isSentencePiece ? model["unk_token"]?.stringValue : nil
        unknown = unknownText.flatMap { ids[ExactText($0)] }
        if let unknown { kinds[unknown] = GGUFTokenizer.TokenKind.unknown }
        for id in texts.indices where texts[id] == nil {
            var name = "[PAD\(id)]"
            while ids[ExactText(name)] != nil { name += "_" }
            (texts[id], ids[ExactText(name)]) = (name, id)
        }
        tokens = PackedStrings(texts.lazy.map { $0 ?? "" })
        self.kinds = kinds
        notes =
            stripping.isEmpty
            ? []
            : [
                "tokens that take blanks beside them along, or count as whole words only, do not do so in a GGUF file: "
                    + stripping.shown
            ]
    }

    // MARK: Kinds

    private static func kind(
        normalizer: JSONValue, preTokenizer: JSONValue, ignoresMerges: Bool, byteFallback: Bool, file: String
    ) throws(Fault) -> Kind {
        let normalizers = GGUFPreTokenizerStep.flattened(normalizer, "normalizers")
        let steps = GGUFPreTokenizerStep.flattened(preTokenizer, "pretokenizers")
        if !steps.contains(where: { $0["type"]?.stringValue == "ByteLevel" }) {
            return .sentencePiece(
                prefixSpace: try prefixSpace(normalizers, steps, byteFallback: byteFallback, file: file))
        }
        let composes = normalizers.map { $0["type"]?.stringValue } == ["NFC"]
        guard composes || normalizers.isEmpty else {
            throw unsupported(
                "key 'normalizer'", found: JSONValue.object(normalizers[0]).text(pretty: false),
                expected: "none, or NFC, before byte-level BPE", file: file)
        }
        guard let cut = GGUFPreTokenizerStep.steps(preTokenizer),
            let name = GGUFPreTokenizer.name(of: cut, composes: composes, ignoresMerges: ignoresMerges)
        else {
            throw unsupported(
                "key 'pre_tokenizer'",
                found: (composes ? "NFC, then " : "") + (ignoresMerges ? "words that are tokens unmerged, " : "")
                    + preTokenizer.text(pretty: false),
                expected: "a rule that GGUF has a name for: \(GGUFPreTokenizer.names.joined(separator: ", "))",
                file: file)
        }
        return .byteLevel(name)
    }

    /// Whether a blank is put before a text that SentencePiece's rules cut.
    private static func prefixSpace(
        _ normalizers: [JSONObject], _ steps: [JSONObject], byteFallback: Bool, file: String
    ) throws(Fault) -> Bool {
        let mark = "\u{2581}"
        func isPrepended(_ step: JSONObject) -> Bool {
            step["type"]?.stringValue == "Prepend" && step["prepend"]?.stringValue == mark
        }
        func isReplaced(_ step: JSONObject) -> Bool {
            step["type"]?.stringValue == "Replace" && step["content"]?.stringValue == mark
                && step["pattern"]?.objectValue?["String"]?.stringValue == " "
        }
        // Blanks are marks by then, so that this cuts nothing.
        func cutsNothing(_ step: JSONObject) -> Bool {
            step["type"]?.stringValue == "Split" && step["pattern"]?.objectValue?["String"]?.stringValue == " "
        }
        if byteFallback {
            if normalizers.count == 1, isReplaced(normalizers[0]), steps.allSatisfy(cutsNothing) { return false }
            if normalizers.count == 2, isPrepended(normalizers[0]), isReplaced(normalizers[1]),
                steps.allSatisfy(cutsNothing)
            {
                return true
            }
            if normalizers.isEmpty, steps.count == 1, let step = steps.first,
                step["type"]?.stringValue == "Metaspace", step["replacement"]?.stringValue == mark,
                step["split"]?.boolValue == false
            {
                let scheme = step["prepend_scheme"]?.stringValue
                return scheme.map { $0 != "never" } ?? step["add_prefix_space"]?.boolValue ?? true
            }
        }
        throw unsupported(
            "keys 'normalizer' and 'pre_tokenizer'",
            found: JSONValue.array((normalizers + steps).map(JSONValue.object)).text(pretty: false),
            expected: "byte-level BPE, or blanks as \(mark) with byte fallback", file: file)
    }

    private static func unsupported(_ place: String, found: String, expected: String, file: String) -> Fault {
        Fault(
            .badData, "the tokenizer cannot be said in a GGUF file", file: file, place: place, found: found,
            expected: expected, advice: "serve the folder itself with software that reads tokenizer.json")
    }

    private static func isByte(_ text: String) -> Bool {
        text.utf8.count == 6 && text.hasPrefix("<0x") && text.hasSuffix(">")
            && UInt8(text.dropFirst(3).dropLast(), radix: 16) != nil
    }

    // MARK: Merges

    private func parts(_ index: Int) throws(Fault) -> (left: String, right: String) {
        var parts = merges[index].arrayValue?.compactMap(\.stringValue) ?? []
        if let text = merges[index].stringValue, let space = text.firstIndex(of: " ") {
            parts = [String(text[..<space]), String(text[text.index(after: space)...])]
        }
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw Fault(
                .badData, "a merge is not two tokens", file: file, place: "key 'model.merges', item \(index)",
                found: merges[index].text(pretty: false))
        }
        return (parts[0], parts[1])
    }

    /// Two tokens with a space between.
    func mergeLines() throws(Fault) -> [String] {
        var lines: [String] = []
        lines.reserveCapacity(merges.count)
        for index in merges.indices {
            let (left, right) = try parts(index)
            guard !left.contains(" "), !right.contains(" ") else {
                throw TokenTable.unsupported(
                    "key 'model.merges', item \(index)", found: "'\(left)' with '\(right)'",
                    expected: "tokens without blanks", file: file)
            }
            lines.append("\(left) \(right)")
        }
        return lines
    }

    /// Scores from which readers make the merges again: of every token minus its place among those that merges make.
    func scores() throws(Fault) -> [Float] {
        let vocabulary = try GGUFVocabulary(tokens, file: file)
        var scores = [Float](repeating: 0, count: kinds.count)
        var isMade = [Bool](repeating: false, count: kinds.count)
        var (last, made, listed) = (-1, 0, 0)
        for index in merges.indices {
            let (left, right) = try parts(index)
            let bytes = Array(left.utf8) + Array(right.utf8)
            guard let found = bytes.withUnsafeBufferPointer(vocabulary.id) else {
                throw Fault(
                    .badData, "a merge makes no token", file: file, place: "key 'model.merges', item \(index)",
                    found: "'\(left)' with '\(right)'")
            }
            let id = Int(found)
            if kinds[id] == TokenTable.normal { listed += 1 }
            guard id != last else { continue }
            // Tokens that are cut out of the text before are made by no merge, wherever theirs stand.
            guard !isMade[id] || kinds[id] != TokenTable.normal else { throw order(of: id) }
            (last, isMade[id], made) = (id, true, made + 1)
            scores[id] = -Float(made)
        }
        for id in kinds.indices where !isMade[id] && kinds[id] == TokenTable.normal { scores[id] = -Float(made + 1) }
        // All listed ones are divisions of a token into two; readers take every such division for one.
        var counts = [Int](repeating: 0, count: kinds.count)
        for pair in GGUFScoredMerges(scores: scores, kinds: kinds, vocabulary: vocabulary).pairs() {
            counts[Int(pair.whole)] += 1
        }
        let all = kinds.indices.reduce(0) { $0 + (kinds[$1] == TokenTable.normal ? counts[$1] : 0) }
        guard all == listed else {
            throw TokenTable.unsupported(
                "key 'model.merges'", found: "\(listed) merges, and \(all) ways to divide a token into two",
                expected: "as many, as SentencePiece's vocabularies have: scores say nothing else", file: file)
        }
        return scores
    }

    private func order(of id: Int) -> Fault {
        TokenTable.unsupported(
            "key 'model.merges'", found: "merges into '\(tokens[id])' with those of other tokens between them",
            expected: "the merges of each token side by side: scores say nothing else", file: file)
    }
}
