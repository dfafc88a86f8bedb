import Faults

/// How much longer a chain of steps can make a text, known before any text is seen.
///
/// Steps that each double a text make it longer by a power of two; a file of a few kilobytes can so ask for more memory
/// than any machine has. Every chain is therefore measured when it is read.
struct Growth: Sendable {
    /// A text of n bytes, n above 0, becomes one of at most `factor` · n + `added` bytes.
    private(set) var factor = 1.0
    private(set) var added = 0.0
    /// Which bytes the steps so far can have written themselves. What holds any other comes from the text as given.
    private var written = [Bool](repeating: false, count: 256)

    /// A text of one byte may become this many. SentencePiece's table (×11) before runs of blanks and a mark for every
    /// word, the most that published tokenizers put together, stays below 70.
    static let limit = 128.0
    /// More steps are refused: each goes over the whole text.
    static let mostSteps = 128

    /// Every occurrence of a pattern is replaced.
    ///
    /// - Parameter least: the fewest bytes that the pattern matches.
    mutating func replace(_ pattern: [UInt8], least: Int, with content: [UInt8]) {
        let ratio = max(1, Double(content.count) / Double(max(least, 1)))
        if pattern.contains(where: { !written[Int($0)] }) {
            // Each match takes a byte of the given text that no other match can take.
            let more = factor + Double(content.count)
            if more < factor * ratio {
                factor = more
                write(content)
                return
            }
        }
        factor *= ratio
        added *= ratio
        write(content)
    }

    /// Every byte may become `ratio` bytes of any kind.
    mutating func multiply(by ratio: Double) {
        factor *= max(1, ratio)
        added *= max(1, ratio)
        written = [Bool](repeating: true, count: 256)
    }

    /// Bytes are put to the text once.
    mutating func add(_ content: [UInt8], times: Int = 1) {
        added += Double(content.count * times)
        write(content)
    }

    private mutating func write(_ content: [UInt8]) {
        for byte in content { written[Int(byte)] = true }
    }

    /// - Throws: `Fault` of kind `badData` if the chain is too long or makes texts too long.
    func check(steps: Int, place: String) throws(Fault) {
        guard steps <= Growth.mostSteps else {
            throw Fault(
                .badData, "the tokenizer has too many steps", place: place, found: "\(steps) steps",
                expected: "at most \(Growth.mostSteps)")
        }
        let most = factor + added
        guard most <= Growth.limit else {
            let times = most < 1e15 ? "\(Int(most.rounded(.up)))" : "\(most)"
            throw Fault(
                .badData, "the tokenizer's steps could make a text too long", place: place,
                found: "one byte that becomes \(times)", expected: "at most \(Int(Growth.limit))",
                advice: "use the tokenizer that the model was published with")
        }
    }
}

extension Growth {
    /// Adds what normalizers can do.
    mutating func take(_ steps: [Normalizer]) {
        for step in steps {
            switch step {
            // Unicode promises no more for composition in UTF-8.
            case .nfc: multiply(by: 3)
            case .prepend(let prefix): add(prefix)
            case .replace(let pattern, let content): replace(pattern, least: pattern.count, with: content)
            case .replaceBlanks(.runs, let content): replace([UInt8(ascii: " ")], least: 2, with: content)
            case .replaceBlanks(.ends, let content): add(content, times: 2)
            case .replaceBlanks(.leadingMark, let content): add(content)
            case .characterMap(let map): multiply(by: map.growth)
            case .strip: break
            }
        }
    }

    /// Adds what pre-tokenizers can do. What is put before a piece counts for every byte once pieces were cut, since a
    /// piece may have one byte.
    mutating func take(_ steps: [PreTokenizer]) {
        var isCut = false
        for step in steps {
            switch step {
            case .byteLevel(let addsPrefixSpace, let splits):
                if addsPrefixSpace { if isCut { multiply(by: 2) } else { add([UInt8(ascii: " ")]) } }
                multiply(by: 2)
                isCut = isCut || splits
            case .metaspace(let metaspace):
                if isCut, metaspace.prefix != .never {
                    // What starts with a blank gets no prefix.
                    multiply(by: 1 + Double(metaspace.replacement.count))
                } else {
                    replace([UInt8(ascii: " ")], least: 1, with: metaspace.replacement)
                    if metaspace.prefix != .never { add(metaspace.replacement) }
                }
                isCut = isCut || metaspace.splits
            case .split, .digits, .punctuation, .whiteSpace: isCut = true
            }
        }
    }

    /// Adds what decoding steps can do to a token.
    mutating func take(_ steps: [DecodingStep]) {
        for step in steps {
            switch step {
            // A byte that is no UTF-8 becomes U+FFFD.
            case .byteLevel: multiply(by: 3)
            case .metaspace(let metaspace): replace(metaspace.replacement, least: 1, with: [UInt8(ascii: " ")])
            case .replace(let pattern, let content): replace(pattern, least: pattern.count, with: content)
            case .spaced: add([UInt8(ascii: " ")])
            // Six bytes become one, or three.
            case .byteFallback: write([0xEF, 0xBF, 0xBD])
            case .fuse, .strip: break
            }
        }
    }
}
