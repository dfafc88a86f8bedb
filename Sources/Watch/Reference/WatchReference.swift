import Checkpoints
import Faults

/// The dense model's predictions for a set of prompts: what a pruned model is compared with after its roll-out.
public struct WatchReference: Sendable {
    public static let version = 1
    public static let defaultTopCount = 64

    /// The dense model's name, as given.
    public var model: String
    /// SHA-256 of the tokenizer's file.
    public var tokenizerDigest: String
    public var vocabularySize: Int
    /// Number type of the matrix products.
    public var dtype: String
    public var prompts: [ScoredPrompt]
    /// Tokens of a position that are stored by themselves: k.
    public var topCount: Int
    /// [positions · k], each position's likeliest first.
    public var topTokens: [Int32]
    /// [positions · k], in nats.
    public var topLogProbabilities: [Float]
    /// [positions], the probability of all other tokens.
    public var rest: [Float]

    public init(
        model: String, tokenizerDigest: String, vocabularySize: Int, dtype: String, prompts: [ScoredPrompt],
        topCount: Int
    ) {
        self.model = model
        self.tokenizerDigest = tokenizerDigest
        self.vocabularySize = vocabularySize
        self.dtype = dtype
        self.prompts = prompts
        self.topCount = min(topCount, vocabularySize)
        topTokens = []
        topLogProbabilities = []
        rest = []
    }

    public var positions: Int { prompts.reduce(0) { $0 + $1.scoredTokens } }

    /// Appends the next position's prediction.
    ///
    /// - Parameter logProbabilities: over the whole vocabulary, in nats.
    public mutating func append(_ logProbabilities: ArraySlice<Float>) {
        let top = TopTokens.largest(topCount, of: logProbabilities)
        let values = top.map { logProbabilities[logProbabilities.startIndex + Int($0)] }
        topTokens += top
        topLogProbabilities += values
        rest.append(topCount == vocabularySize ? 0 : PartitionDivergence.rest(values))
    }

    /// The tokens of some positions whose probabilities `divergence` wants, [positions · k].
    public func topTokens(_ positions: Range<Int>) -> ArraySlice<Int32> {
        topTokens[positions.lowerBound * topCount..<positions.upperBound * topCount]
    }

    /// The divergence of a prediction at a position.
    ///
    /// - Parameter model: ln q of that position's k tokens, in nats.
    public func divergence(at position: Int, model: ArraySlice<Float>) -> Double {
        let range = position * topCount..<(position + 1) * topCount
        return PartitionDivergence.of(dense: topLogProbabilities[range], rest: rest[position], model: model)
    }

    /// The dense model's likeliest token at a position.
    public func topToken(at position: Int) -> Int32 { topTokens[position * topCount] }

    /// - Throws: `notComparable` when the reference is for another tokenizer or vocabulary.
    public func check(tokenizerDigest: String, vocabularySize: Int, model: String, file: String) throws(Fault) {
        guard tokenizerDigest == self.tokenizerDigest else {
            throw Fault(
                .notComparable, "the reference was written with another tokenizer", file: file,
                found: "SHA-256 \(self.tokenizerDigest)", expected: "SHA-256 \(tokenizerDigest), as \(model) has it",
                advice: "write the reference again from the dense model that this one was made from")
        }
        guard vocabularySize == self.vocabularySize else {
            throw Fault(
                .notComparable, "the reference was written for another vocabulary", file: file,
                found: "\(self.vocabularySize) tokens", expected: "\(vocabularySize) tokens, as in \(model)")
        }
    }
}

/// A prompt's tokens, and from which on they are scored.
public struct ScoredPrompt: Equatable, Sendable {
    public var ids: [Int32]
    /// The index of the first token that is scored, at least 1: what stands before it is given.
    public var scoredFrom: Int

    public init(ids: [Int32], scoredFrom: Int) {
        self.ids = ids
        self.scoredFrom = scoredFrom
    }

    public var scoredTokens: Int { ids.count - scoredFrom }
}
