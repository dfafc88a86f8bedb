/// The patterns that `Split` and `ByteLevel` cut by.
///
/// Regular expressions of published tokenizers are recognised by their exact text and matched by scanners written for
/// them: no regular-expression engine runs on a file's pattern, so none can be made to backtrack for ever.
enum SplitPattern: Sendable, Equatable {
    /// GPT-2, and with it GPT-NeoX, SmolLM and others.
    case gpt2
    /// Llama 3 and cl100k: up to three digits together.
    case llama3
    /// Qwen 2, 2.5 and 3: as Llama 3, with single digits.
    case qwen2
    /// Mistral's Tekken: words also end where small letters are followed by capitals.
    case tekken
    /// As Llama 3, with any number of digits together.
    case anyDigits
    /// GPT-4o and Llama 4: as Tekken, with contractions after words and up to three digits together.
    case gpt4o
    /// Qwen 3.5: as Qwen 2, with marks as parts of words.
    case qwen35
    /// Seed-Coder: as Qwen 2, without line ends after signs.
    case seedCoder
    /// DeepSeek V3, after digits and Chinese characters were cut out: signs that lead Latin letters, words with their
    /// marks.
    case deepseek3
    /// A run of scalars of one set.
    case run(ScalarRun)
    /// A literal text.
    case literal([UInt8])
    /// One of several literal texts.
    case literals(LiteralAlternatives)

    /// The pattern of a known regular expression, or nil.
    init?(regex: String) {
        switch ExactPattern(regex) {
        case ExactPattern(#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#),
            ExactPattern(#"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#):
            self = .gpt2
        case ExactPattern(SplitPattern.tiktoken(digits: #"\p{N}{1,3}"#)): self = .llama3
        case ExactPattern(SplitPattern.tiktoken(digits: #"\p{N}"#)): self = .qwen2
        case ExactPattern(SplitPattern.tiktoken(digits: #"\p{N}+"#)): self = .anyDigits
        case ExactPattern(SplitPattern.possessive(digits: #"\p{N}{1,3}"#)): self = .llama3
        case ExactPattern(SplitPattern.possessive(digits: #"\p{N}"#)): self = .qwen2
        case ExactPattern(SplitPattern.tekkenRegex): self = .tekken
        case ExactPattern(SplitPattern.gpt4oRegex): self = .gpt4o
        case ExactPattern(SplitPattern.qwen35Regex): self = .qwen35
        case ExactPattern(SplitPattern.seedCoderRegex): self = .seedCoder
        case ExactPattern(SplitPattern.deepseek3Regex): self = .deepseek3
        default:
            if let run = ScalarRun(regex: regex) {
                self = .run(run)
            } else if let literals = LiteralAlternatives(regex: regex) {
                self = .literals(literals)
            } else {
                return nil
            }
        }
    }

    private static let tekkenRegex =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"#
        + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"#
        + #"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let gpt4oRegex =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
        + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"#
        + #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"#
        + #"\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let qwen35Regex =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"#
        + #" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static let seedCoderRegex =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}|"#
        + #" ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// Its line ends stand as they are, not escaped.
    private static let deepseek3Regex =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\##r\##n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"##
        + ##" ?[\p{P}\p{S}]+[\##r\##n]*|\s*[\##r\##n]+|\s+(?!\S)|\s+"##

    private static func tiktoken(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The same cuts, written with possessive quantifiers: LLaDA, Ling and others.
    private static func possessive(digits: String) -> String {
        #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
    }

    /// Most regular expressions match everywhere, so that their matches are the pieces of the text.
    var coversText: Bool {
        switch self {
        case .literal, .literals, .run, .deepseek3: false
        default: true
        }
    }

    /// What the pattern matches, from the left.
    func matches(in text: UTF8Text, classes: ScalarClasses) -> [Range<Int>] {
        switch self {
        case .literal(let bytes): return text.occurrences(of: bytes)
        case .literals(let literals): return literals.matches(in: text)
        case .run(let run): return run.matches(in: text, classes: classes)
        default: break
        }
        var matches: [Range<Int>] = []
        var start = 0
        while start < text.count {
            let end = self.end(in: text, from: start, classes: classes)
            if end > start { matches.append(start..<end) }
            start = max(end, start + text.scalar(at: start).length)
        }
        return matches
    }

    /// The end of the match that starts at `index`, which is `index` where there is none.
    @inline(__always)
    func end(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int {
        switch self {
        case .gpt2: gpt2End(in: text, from: index, classes: classes)
        case .llama3: tiktokenEnd(in: text, from: index, classes: classes, mostDigits: 3)
        case .qwen2: tiktokenEnd(in: text, from: index, classes: classes, mostDigits: 1)
        case .anyDigits: tiktokenEnd(in: text, from: index, classes: classes, mostDigits: .max)
        case .qwen35:
            tiktokenEnd(
                in: text, from: index, classes: classes, mostDigits: 1, word: ScalarClasses.letter | ScalarClasses.mark)
        case .seedCoder: tiktokenEnd(in: text, from: index, classes: classes, mostDigits: 1, tail: .nothing)
        case .tekken: tekkenEnd(in: text, from: index, classes: classes)
        case .gpt4o: tekkenEnd(in: text, from: index, classes: classes, mostDigits: 3, takesContractions: true)
        case .deepseek3: deepseek3End(in: text, from: index, classes: classes)
        case .run, .literal, .literals: text.count
        }
    }
}

/// A pattern compared scalar by scalar.
private struct ExactPattern: Equatable {
    let scalars: [Unicode.Scalar]
    init(_ text: String) { scalars = Array(text.unicodeScalars) }
}

/// The position after the run of scalars of a class that starts at `index`.
@inline(__always)
func endOfRun(
    of wanted: UInt16, except unwanted: UInt16 = 0, in text: UTF8Text, from index: Int, classes: ScalarClasses
) -> Int {
    var at = index
    while at < text.count {
        let (scalar, length) = text.scalar(at: at)
        let found = classes.of(scalar)
        guard found & wanted != 0, found & unwanted == 0 else { break }
        at += length
    }
    return at
}

/// `\s+(?!\S)|\s+` at white space: the run without its last scalar if something follows it and it has more than one.
@inline(__always)
func endOfSpace(in text: UTF8Text, from index: Int, runEnd: Int) -> Int {
    guard runEnd < text.count else { return runEnd }
    let last = text.start(ofScalarBefore: runEnd)
    return last > index ? last : runEnd
}
