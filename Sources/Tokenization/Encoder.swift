import Faults

/// Text → ids, with a memory of the words met so far. Make one for a run over many texts; it is not shared by threads.
public struct Encoder: Sendable {
    let tokenizer: Tokenizer
    private var merger = WordMerger()
    private var cache = WordCache()
    var output: [Int32] = []
    /// Where full parts of the output go; nil where all of it is wanted at once. Set during one call only.
    nonisolated(unsafe) private var sink: (([Int32]) -> Void)?
    private static let partSize = 1 << 16

    init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// The ids of a text; see `Tokenizer.encode`.
    public mutating func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        var text = text
        output = addSpecialTokens ? tokenizer.template.prefix : []
        text.withUTF8 { encode($0) }
        if addSpecialTokens { output += tokenizer.template.suffix }
        defer { output = [] }
        return output
    }

    /// The ids of a text without special tokens around it, handed out in parts, none empty.
    public mutating func encode(_ text: String, take: ([Int32]) -> Void) {
        withoutActuallyEscaping(take) { take in
            sink = take
            let rest = encode(text, addSpecialTokens: false)
            if !rest.isEmpty { take(rest) }
            sink = nil
        }
    }

    /// Before ids are appended: hands on what is enough for a part, and lets a long output grow by less than the
    /// double.
    private mutating func makeRoom() {
        guard output.count >= Encoder.partSize else { return }
        if let sink {
            sink(output)
            output.removeAll(keepingCapacity: true)
        } else if output.capacity - output.count < 64 {
            output.reserveCapacity(output.count + output.count / 4)
        }
    }

    /// The ids of a text given as bytes.
    ///
    /// - Throws: `Fault` of kind `badData` if the bytes are not UTF-8.
    public mutating func encode(utf8 bytes: [UInt8], addSpecialTokens: Bool) throws(Fault) -> [Int32] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(.badData, "the text is not UTF-8")
        }
        return encode(text, addSpecialTokens: addSpecialTokens)
    }

    private mutating func encode(_ text: UTF8Text) {
        for stretch in tokenizer.rawTokens.stretches(of: text) {
            makeRoom()
            if let token = stretch.token {
                output.append(token)
                continue
            }
            encodeBetween(Piece(text: text, lead: 0).part(stretch.range))
        }
    }

    /// Appends the ids of text between added tokens.
    mutating func encodeBetween(_ piece: Piece) {
        var start = 0
        while start < piece.text.count {
            let end = tokenizer.sections?.end(in: piece.text, from: start) ?? piece.text.count
            encodeGiven(piece.part(start..<end), startsText: start == 0)
            start = end
        }
    }

    /// Normalises text between added tokens, or a section of it.
    private mutating func encodeGiven(_ piece: Piece, startsText: Bool) {
        guard !tokenizer.normalizers.allSatisfy({ $0.leaves(piece.text) }) else { return encodeNormalized(piece) }
        let normalized =
            tokenizer.bytewise?.apply(to: piece.text, startsText: startsText)
            ?? tokenizer.normalizers.apply(to: piece.text)
        normalized.withUnsafeBufferPointer { normalized in
            let lead = min(tokenizer.normalizers.prefixCount, normalized.count)
            encodeNormalized(Piece(text: normalized, lead: piece.isStart ? lead : -1))
        }
    }

    private mutating func encodeNormalized(_ piece: Piece) {
        for stretch in tokenizer.normalizedTokens.stretches(of: piece.text) {
            makeRoom()
            if let token = stretch.token {
                output.append(token)
            } else {
                cut(piece.part(stretch.range), step: 0)
            }
        }
    }

    /// Runs the pre-tokenizers from `step` on.
    private mutating func cut(_ piece: Piece, step: Int) {
        guard !piece.text.isEmpty else { return }
        guard step < tokenizer.preTokenizers.count else { return encodeUncut(piece.text) }
        switch tokenizer.preTokenizers[step] {
        case .byteLevel(let addsPrefixSpace, let splits) where step + 1 < tokenizer.preTokenizers.count:
            cutWritten(piece, addsPrefixSpace: addsPrefixSpace, splits: splits, step: step)
        case .byteLevel(let addsPrefixSpace, let splits):
            if addsPrefixSpace, piece.text.first != UInt8(ascii: " ") {
                let text = [UInt8(ascii: " ")] + Array(piece.text)
                text.withUnsafeBufferPointer { encodeByteLevel($0, splits: splits) }
            } else {
                encodeByteLevel(piece.text, splits: splits)
            }
        case .split(let pattern, let behavior, let inverted):
            cut(piece, by: pattern, behavior, inverted: inverted, step: step)
        case .digits(let individual): cutDigits(piece, individual: individual, step: step)
        case .punctuation(let behavior):
            let matches = piece.text.scalars(where: isPunctuation)
            let stretches = SplitBehavior.stretches(matches: matches, count: piece.text.count, inverted: false)
            for range in behavior.pieces(stretches) { cut(piece.part(range), step: step + 1) }
        case .whiteSpace:
            let matches = piece.text.scalars { Unicode.Scalar($0)?.properties.isWhitespace ?? false }
            let stretches = SplitBehavior.stretches(matches: matches, count: piece.text.count, inverted: false)
            for range in SplitBehavior.removed.pieces(stretches) { cut(piece.part(range), step: step + 1) }
        case .metaspace(let metaspace): cut(piece, by: metaspace, step: step)
        }
    }

    private mutating func encodeByteLevel(_ text: UTF8Text, splits: Bool) {
        guard splits else { return encodeWord(text) }
        var start = 0
        while start < text.count {
            let end = gpt2End(in: text, from: start, classes: tokenizer.classes)
            encodeWord(text.part(start..<end))
            start = end
        }
    }

    /// `ByteLevel` with steps after it, which see its characters in place of bytes; so does the model.
    private mutating func cutWritten(_ piece: Piece, addsPrefixSpace: Bool, splits: Bool, step: Int) {
        let blank = UInt8(ascii: " ")
        let bytes = (addsPrefixSpace && piece.text.first != blank ? [blank] : []) + Array(piece.text)
        bytes.withUnsafeBufferPointer { text in
            var start = 0
            while start < text.count {
                let end = splits ? gpt2End(in: text, from: start, classes: tokenizer.classes) : text.count
                let written = text[start..<end].flatMap { tokenizer.byteAlphabet.characters[Int($0)] }
                let lead = piece.isStart && start == 0 ? 0 : -1
                written.withUnsafeBufferPointer { cut(Piece(text: $0, lead: lead), step: step + 1) }
                start = end
            }
        }
    }

    private mutating func cut(
        _ piece: Piece, by pattern: SplitPattern, _ behavior: SplitBehavior, inverted: Bool, step: Int
    ) {
        let text = piece.text
        if pattern.coversText, behavior == .isolated || (behavior == .removed && inverted) {
            var start = 0
            while start < text.count {
                let end = pattern.end(in: text, from: start, classes: tokenizer.classes)
                cut(piece.part(start..<end), step: step + 1)
                start = end
            }
            return
        }
        let matches = pattern.matches(in: text, classes: tokenizer.classes)
        let stretches = SplitBehavior.stretches(matches: matches, count: text.count, inverted: inverted)
        for range in behavior.pieces(stretches) { cut(piece.part(range), step: step + 1) }
    }

    private mutating func cut(_ piece: Piece, by metaspace: Metaspace, step: Int) {
        let (bytes, lead) = metaspace.written(piece)
        bytes.withUnsafeBufferPointer { text in
            let written = Piece(text: text, lead: lead)
            guard metaspace.splits else { return cut(written, step: step + 1) }
            var start = 0
            text.eachOccurrence(of: metaspace.replacement) { mark in
                guard mark.lowerBound > start else { return }
                cut(written.part(start..<mark.lowerBound), step: step + 1)
                start = mark.lowerBound
            }
            if start < text.count { cut(written.part(start..<text.count), step: step + 1) }
        }
    }

    private mutating func cutDigits(_ piece: Piece, individual: Bool, step: Int) {
        let text = piece.text
        var start = 0
        var at = 0
        var previousIsDigit = false
        while at < text.count {
            let (scalar, length) = text.scalar(at: at)
            let isDigit = tokenizer.classes.of(scalar) & ScalarClasses.numeric != 0
            if at > start, isDigit != previousIsDigit || (isDigit && individual) {
                cut(piece.part(start..<at), step: step + 1)
                start = at
            }
            previousIsDigit = isDigit
            at += length
        }
        cut(piece.part(start..<at), step: step + 1)
    }

    /// What no pre-tokenizer cuts further. A whole document can be one word for the model; where its vocabulary allows,
    /// it is cut before each blank's marker, which changes no id and lets the cache work.
    private mutating func encodeUncut(_ text: UTF8Text) {
        guard let boundary = tokenizer.model.boundary else { return encodeWord(text) }
        var start = 0
        var end = 0
        text.eachOccurrence(of: boundary) { mark in
            if mark.lowerBound > end {
                encodeWord(text.part(start..<mark.lowerBound))
                start = mark.lowerBound
            }
            end = mark.upperBound
        }
        encodeWord(text.part(start..<text.count))
    }

    private mutating func encodeWord(_ word: UTF8Text) {
        guard !word.isEmpty else { return }
        makeRoom()
        guard word.count <= WordCache.longestWord else {
            tokenizer.model.encode(word, merger: &merger, to: &output)
            return
        }
        let hash = WordCache.hash(word)
        if cache.append(word, hash: hash, to: &output) { return }
        let start = output.count
        tokenizer.model.encode(word, merger: &merger, to: &output)
        cache.insert(word, hash: hash, ids: output[start...])
    }
}
