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
    /// The most bytes that the values may take in memory; nil for 64 MiB and twice the text.
    ///
    /// Texts of words and numbers take one to five times their length, empty lists and small lists up to thirty times.
    public var memory: Int?

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
