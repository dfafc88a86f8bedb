/// Byte-pair encoding: a word → its tokens, by ranked merges.
struct BPEModel: Sendable {
    /// What the symbols are that merging starts from.
    enum Alphabet: Sendable {
        /// Bytes, written in the vocabulary as `ByteAlphabet` says.
        case bytes(ByteAlphabet)
        /// Unicode scalars.
        case scalars
    }

    let vocabulary: Vocabulary
    let merges: MergeTable
    let alphabet: Alphabet
    /// Stands for a symbol that is not in the vocabulary; without it such symbols are dropped.
    let unknown: Int32?
    /// A run of unknown symbols becomes one token.
    let fusesUnknown: Bool
    /// The id of `<0x00>` … `<0xFF>` or -1, if unknown symbols fall back to their bytes.
    let fallback: [Int32]?
    /// A word that is itself a token is not merged.
    let ignoresMerges: Bool
    /// A scalar before which a text can be cut without a change of its ids: no token has it after another scalar.
    let boundary: [UInt8]?

    /// Ids of single bytes or of single ASCII scalars; -1 where the vocabulary has none.
    private let initial: [Int32]

    init(
        vocabulary: Vocabulary, merges: MergeTable, alphabet: Alphabet, unknown: Int32?, fusesUnknown: Bool,
        fallback: [Int32]?, ignoresMerges: Bool, boundary: [UInt8]?
    ) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.alphabet = alphabet
        self.unknown = unknown
        self.fusesUnknown = fusesUnknown
        self.fallback = fallback
        self.ignoresMerges = ignoresMerges
        self.boundary = boundary
        initial =
            switch alphabet {
            case .bytes(let bytes): bytes.characters.map { vocabulary.modelID(of: $0) ?? -1 }
            case .scalars: (UInt8(0)..<0x80).map { vocabulary.modelID(of: [$0]) ?? -1 }
            }
    }

    /// Appends the ids of one word.
    ///
    /// - Parameter window: symbols that are merged at a time in a longer word.
    func encode(
        _ word: UTF8Text, window: Int = WordMerger.window, merger: inout WordMerger, to output: inout [Int32]
    ) {
        if ignoresMerges, let id = wholeWord(word) {
            output.append(id)
            return
        }
        if word.count > window {
            if encodeInWindows(word, window, &merger, to: &output) { return }
            if encodeInParts(word, window, &merger, to: &output) { return }
        }
        encodeWhole(word, &merger, to: &output)
    }

    private func encodeWhole(_ word: UTF8Text, _ merger: inout WordMerger, to output: inout [Int32]) {
        merger.symbols.removeAll(keepingCapacity: true)
        var start = Start()
        _ = append(&start, of: word, to: &merger.symbols, upTo: .max)
        merger.merge(with: merges)
        output.append(contentsOf: merger.symbols)
    }

    private func encodeInWindows(
        _ word: UTF8Text, _ window: Int, _ merger: inout WordMerger, to output: inout [Int32]
    ) -> Bool {
        var start = Start()
        return merger.mergeInWindows(of: window, with: merges, symbolCount: vocabulary.count) { symbols, count in
            append(&start, of: word, to: &symbols, upTo: count)
        } take: { tokens in
            if output.capacity - output.count < tokens.count {
                // By less than the double, which a long word would reach.
                output.reserveCapacity(output.count + max(tokens.count, output.count / 4))
            }
            output += tokens
        }
    }

    /// Merges of SentencePiece's vocabularies are in no order that lets a word be merged in windows, but its tokens
    /// stand in the text as they are written: the word is cut at places over which none stands.
    private func encodeInParts(
        _ word: UTF8Text, _ window: Int, _ merger: inout WordMerger, to output: inout [Int32]
    ) -> Bool {
        if merger.tokens == nil { merger.tokens = .some(tokensAsWritten()) }
        guard case .some(.some(let tokens)) = merger.tokens else { return false }
        var start = 0
        var end = window
        while end < word.count {
            if let place = tokens.lastUncrossed(in: word, from: start, to: end, stretch: window / 16 + 1) {
                encodeWhole(word.part(start..<place), &merger, to: &output)
                start = place
                end = start + window
            } else {
                end += window
            }
        }
        encodeWhole(word.part(start..<word.count), &merger, to: &output)
        return true
    }

    /// Nil where symbols that do not stand in the text as they are written can merge.
    private func tokensAsWritten() -> SortedTokens? {
        guard case .scalars = alphabet else { return nil }
        var unwritten = Set(fallback ?? [])
        if let unknown { unwritten.insert(unknown) }
        var merges = false
        self.merges.forEach { left, right, _, _ in
            if unwritten.contains(left) || unwritten.contains(right) { merges = true }
        }
        return merges ? nil : SortedTokens(vocabulary, ids: vocabulary.modelIDs)
    }

    /// How far a word's symbols have been told.
    private struct Start {
        var at = 0
        var hasPendingUnknown = false
    }

    /// Appends a word's next symbols until there are so many, or a few more.
    ///
    /// - Returns: whether the word has more.
    private func append(_ start: inout Start, of word: UTF8Text, to symbols: inout [Int32], upTo count: Int) -> Bool {
        switch alphabet {
        case .bytes(let alphabet): startFromBytes(word, alphabet, &start, &symbols, count)
        case .scalars: startFromScalars(word, &start, &symbols, count)
        }
        guard start.at == word.count else { return true }
        flushUnknown(&start.hasPendingUnknown, &symbols)
        return false
    }

    private func wholeWord(_ word: UTF8Text) -> Int32? {
        guard word.count <= Tokenizer.longestToken else { return nil }
        switch alphabet {
        case .scalars: return vocabulary.modelID(of: word)
        case .bytes(let alphabet):
            var written: [UInt8] = []
            written.reserveCapacity(word.count * 2)
            for byte in word { written.append(contentsOf: alphabet.characters[Int(byte)]) }
            return vocabulary.modelID(of: written)
        }
    }

    private func startFromBytes(
        _ word: UTF8Text, _ alphabet: ByteAlphabet, _ start: inout Start, _ symbols: inout [Int32], _ count: Int
    ) {
        while start.at < word.count, symbols.count < count {
            let byte = word[start.at]
            start.at += 1
            let id = initial[Int(byte)]
            if id >= 0 {
                flushUnknown(&start.hasPendingUnknown, &symbols)
                symbols.append(id)
            } else {
                let written = alphabet.characters[Int(byte)]
                written.withUnsafeBufferPointer { addUnknown($0, &start.hasPendingUnknown, &symbols) }
            }
        }
    }

    private func startFromScalars(
        _ word: UTF8Text, _ start: inout Start, _ symbols: inout [Int32], _ count: Int
    ) {
        while start.at < word.count, symbols.count < count {
            let (scalar, length) = word.scalar(at: start.at)
            let text = word.part(start.at..<start.at + length)
            start.at += length
            let id = scalar < 0x80 ? initial[Int(scalar)] : vocabulary.modelID(of: text) ?? -1
            if id >= 0 {
                flushUnknown(&start.hasPendingUnknown, &symbols)
                symbols.append(id)
            } else {
                addUnknown(text, &start.hasPendingUnknown, &symbols)
            }
        }
    }

    /// The order is the reference implementation's: bytes that fall back overtake an unknown token still pending.
    private func addUnknown(_ text: UTF8Text, _ pending: inout Bool, _ symbols: inout [Int32]) {
        if let fallback, text.allSatisfy({ fallback[Int($0)] >= 0 }) {
            for byte in text { symbols.append(fallback[Int(byte)]) }
            return
        }
        guard unknown != nil else { return }
        if pending, !fusesUnknown { flushUnknown(&pending, &symbols) }
        pending = true
    }

    @inline(__always)
    private func flushUnknown(_ pending: inout Bool, _ symbols: inout [Int32]) {
        if pending, let unknown { symbols.append(unknown) }
        pending = false
    }
}
