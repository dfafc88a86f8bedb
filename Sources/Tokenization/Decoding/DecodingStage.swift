/// A decoding step at work: tokens go in one after another, tokens come out as soon as no later one can change them.
struct DecodingStage: Sendable {
    private let step: DecodingStep
    /// What comes in are parts of one token, not tokens.
    private let isFused: Bool
    /// Held back: the start of a UTF-8 sequence, of a pattern, or a run of bytes or blanks.
    private var held: [UInt8] = []
    private var isFirst = true
    /// How many characters `strip` may still take from the start of a fused token.
    private var toStrip: Int

    init(_ step: DecodingStep, isFused: Bool) {
        self.step = step
        self.isFused = isFused
        if case .strip(_, let start, _) = step { toStrip = start } else { toStrip = 0 }
    }

    /// The stages of all steps.
    static func stages(_ steps: [DecodingStep]) -> [DecodingStage] {
        var isFused = false
        return steps.map { step in
            let stage = DecodingStage(step, isFused: isFused)
            switch step {
            case .fuse, .byteLevel: isFused = true
            default: break
            }
            return stage
        }
    }

    mutating func push(_ token: [UInt8]) -> [[UInt8]] {
        defer { isFirst = false }
        switch step {
        case .fuse: return [token]
        case .spaced: return isFirst ? [token] : [[UInt8(ascii: " ")] + token]
        case .byteLevel(let alphabet): return [releasedText(token.withUnsafeBufferPointer { alphabet.decoded($0) })]
        case .metaspace(let metaspace):
            let dropped = metaspace.prefix != .never && (isFirst || isFused)
            let blank = dropped ? [] : [UInt8(ascii: " ")]
            return [token.withUnsafeBufferPointer { $0.replacingOccurrences(of: metaspace.replacement, with: blank) }]
        case .replace(let pattern, let content):
            return [isFused ? releasedReplacing(pattern, content, in: token) : token.replaced(pattern, content)]
        case .byteFallback:
            if let byte = DecodingStage.fallbackByte(token) {
                held.append(byte)
                return []
            }
            return takenFallback() + [token]
        case .strip(let character, let start, let stop):
            return [isFused ? releasedStripping(character, stop, token) : token.stripped(character, start, stop)]
        }
    }

    /// What is still held back, when no token follows.
    mutating func finish() -> [[UInt8]] {
        switch step {
        case .byteLevel: return [Array(String(decoding: taken(), as: UTF8.self).utf8)]
        case .byteFallback: return takenFallback()
        case .replace: return [taken()]
        case .strip(let character, _, let stop):
            // Held are only such characters; those that `stop` does not take remain.
            return [Array(taken().dropLast(stop * character.count))]
        case .fuse, .spaced, .metaspace: return []
        }
    }

    private mutating func taken() -> [UInt8] {
        defer { held = [] }
        return held
    }

    /// Complete UTF-8; an unfinished sequence at the end waits, broken ones become U+FFFD.
    private mutating func releasedText(_ bytes: [UInt8]) -> [UInt8] {
        held += bytes
        var complete = held.count
        for back in 1...3 where back <= held.count {
            let byte = held[held.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            if length > back { complete = held.count - back }
            break
        }
        let text = Array(String(decoding: held[..<complete], as: UTF8.self).utf8)
        held.removeFirst(complete)
        return text
    }

    private mutating func releasedReplacing(_ pattern: [UInt8], _ content: [UInt8], in part: [UInt8]) -> [UInt8] {
        held += part
        let text = taken()
        let found = text.withUnsafeBufferPointer { $0.occurrences(of: pattern) }
        let rest = found.last?.upperBound ?? 0
        // The longest end of the text that could grow into the pattern waits.
        var waiting = min(pattern.count - 1, text.count - rest)
        while waiting > 0, !text.suffix(waiting).elementsEqual(pattern.prefix(waiting)) { waiting -= 1 }
        held = Array(text.suffix(waiting))
        return Array(text.dropLast(waiting)).replaced(pattern, content)
    }

    private mutating func releasedStripping(_ character: [UInt8], _ stop: Int, _ part: [UInt8]) -> [UInt8] {
        var text = part[...]
        while toStrip > 0, !text.isEmpty {
            if text.starts(with: character) {
                text = text.dropFirst(character.count)
                toStrip -= 1
            } else {
                toStrip = 0
            }
        }
        let whole = taken() + text
        var kept = whole.count
        var waiting = 0
        while waiting < stop, whole[..<kept].suffix(character.count).elementsEqual(character) {
            kept -= character.count
            waiting += 1
        }
        held = Array(whole[kept...])
        return Array(whole[..<kept])
    }

    /// A run of byte tokens: its text if it is UTF-8, else one U+FFFD for each.
    private mutating func takenFallback() -> [[UInt8]] {
        guard !held.isEmpty else { return [] }
        let bytes = taken()
        if String(validating: bytes, as: UTF8.self) != nil { return [bytes] }
        return Array(repeating: Array("\u{FFFD}".utf8), count: bytes.count)
    }

    /// The byte of a token `<0x..>`.
    private static func fallbackByte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3...4], as: UTF8.self), radix: 16)
    }
}

extension [UInt8] {
    fileprivate func replaced(_ pattern: [UInt8], _ content: [UInt8]) -> [UInt8] {
        withUnsafeBufferPointer { $0.replacingOccurrences(of: pattern, with: content) }
    }

    fileprivate func stripped(_ character: [UInt8], _ start: Int, _ stop: Int) -> [UInt8] {
        var text = self[...]
        for _ in 0..<start {
            guard text.starts(with: character) else { break }
            text = text.dropFirst(character.count)
        }
        for _ in 0..<stop {
            guard text.suffix(character.count).elementsEqual(character) else { break }
            text = text.dropLast(character.count)
        }
        return Array(text)
    }
}
