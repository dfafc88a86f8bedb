/// What a parse tolerates.
public struct JSONLimits: Sendable {
    /// The largest `tokenizer.json` that is read, in bytes.
    public static let largestTokenizer = 100_000_000

    /// Nesting beyond this is refused: the parser recurses, and a hostile file must not exhaust the stack.
    public var depth: Int
    /// The only keys whose values are read, at any depth. What other keys hold is passed over, and may be what other
    /// writers give: NaN and Infinity, halves of surrogate pairs, any nesting, the same key twice. Nil reads all.
    public var keys: Set<String>?
    /// Whether NaN, Infinity and -Infinity are numbers, which Python writes and reads. They keep their text.
    public var acceptsNonFinite: Bool
    /// The most elements of one array.
    public var elements: Int
    /// The most bytes that the values may take in memory; nil for `standardMemory`.
    ///
    /// Texts of words and numbers take one to five times their length, empty lists and small lists up to thirty times.
    public var memory: Int?

    /// A little less than twice the text, so that text and values together take no more than three times the text, but
    /// 16 MiB for short ones, of which some are little but numbers.
    public static func standardMemory(_ count: Int) -> Int { max(16 << 20, count / 4 * 7) }

    /// For vocabularies, whose members take more than their text, but are limited in number by the file's size.
    public static func vocabularyMemory(_ count: Int) -> Int { 64 << 20 + 2 * count }

    public init(
        depth: Int = 64, keys: Set<String>? = nil, acceptsNonFinite: Bool = false, elements: Int = .max,
        memory: Int? = nil
    ) {
        self.depth = depth
        self.elements = elements
        self.memory = memory
        self.keys = keys
        self.acceptsNonFinite = acceptsNonFinite || keys != nil
    }
}
