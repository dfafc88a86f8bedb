import Faults

/// What calibration needs of a tokenizer.
public protocol TextTokenizer {
    /// The token that the model expects before a text, where its tokenizer adds one.
    var beginningToken: Int32? { get }
    /// The token that every sample must begin with, where the model's predictions are nonsense without it.
    var rowBeginning: Int32? { get }
    /// The token that ends a text, if there is one; it stands between documents.
    var endToken: Int32? { get }

    /// The tokens of a text, with no special tokens added; those written in the text count as such.
    func encode(_ text: String) throws(Fault) -> [Int32]

    /// The same, handed out in parts, none empty, so that a long text's tokens need not be in memory together.
    func encode(_ text: String, take: ([Int32]) -> Void) throws(Fault)

    /// The same as `encode`, with one for each token that tells whether it holds a byte of the marked parts.
    ///
    /// - Parameter marked: ranges of the text's UTF-8, ascending and apart.
    /// - Returns: nil where it is not certain which tokens are those of the marked parts.
    func encode(_ text: String, marking marked: [Range<Int>]) throws(Fault) -> (tokens: [Int32], isMarked: [Bool])?

    /// The text of tokens without the special ones; nil where there is no tokenizer.
    func text(of tokens: ArraySlice<Int32>) -> String?
}

extension TextTokenizer {
    public var rowBeginning: Int32? { nil }

    public func encode(_ text: String, take: ([Int32]) -> Void) throws(Fault) {
        let tokens = try encode(text)
        if !tokens.isEmpty { take(tokens) }
    }

    public func encode(
        _ text: String, marking marked: [Range<Int>]
    ) throws(Fault) -> (tokens: [Int32], isMarked: [Bool])? { nil }

    public func text(of tokens: ArraySlice<Int32>) -> String? { nil }
}
