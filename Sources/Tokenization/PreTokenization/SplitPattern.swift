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
    /// A literal text.
    case literal([UInt8])

    /// The pattern of a known regular expression, or nil.
    init?(regex: String) {
        switch ExactPattern(regex) {
        case ExactPattern(#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#),
            ExactPattern(#"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#):
            self = .gpt2
        case ExactPattern(SplitPattern.tiktoken(digits: #"\p{N}{1,3}"#)): self = .llama3
        case ExactPattern(SplitPattern.tiktoken(digits: #"\p{N}"#)): self = .qwen2
        case ExactPattern(SplitPattern.tekkenRegex): self = .tekken
        default: return nil
        }
    }

    private static let tekkenRegex =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"#
        + #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"#
        + #"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static func tiktoken(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The regular expressions match everywhere, so that their matches are the pieces of the text.
    var coversText: Bool { if case .literal = self { false } else { true } }

    /// The end of the piece that starts at `index`; only for patterns that cover the text.
    @inline(__always)
    func end(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int {
        switch self {
        case .gpt2: gpt2End(in: text, from: index, classes: classes)
        case .llama3: tiktokenEnd(in: text, from: index, classes: classes, mostDigits: 3)
        case .qwen2: tiktokenEnd(in: text, from: index, classes: classes, mostDigits: 1)
        case .tekken: tekkenEnd(in: text, from: index, classes: classes)
        case .literal: text.count
        }
    }
}

/// A pattern compared scalar by scalar.
private struct ExactPattern: Equatable {
    let scalars: [Unicode.Scalar]
    init(_ text: String) { scalars = Array(text.unicodeScalars) }
}

/// The position behind the run of scalars of a class that starts at `index`.
@inline(__always)
func endOfRun(of wanted: UInt16, in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int {
    var at = index
    while at < text.count {
        let (scalar, length) = text.scalar(at: at)
        guard classes.of(scalar) & wanted != 0 else { break }
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
