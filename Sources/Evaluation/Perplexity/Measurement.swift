#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a model scored on windows of tokens. Not a number where the logits were not.
public struct Measurement: Equatable, Sendable {
    /// Windows, tokens of a window, and tokens scored in all.
    public var windows: Int
    public var context: Int
    public var scoredTokens: Int
    /// Mean negative log-likelihood, in nats for each scored token.
    public var meanLoss: Double
    public var divergence: Divergence?
    /// Bytes of UTF-8 that the scored tokens stand for; nil where the text is not known.
    public var scoredBytes: Int?

    public init(
        windows: Int, context: Int, scoredTokens: Int, meanLoss: Double, divergence: Divergence? = nil,
        scoredBytes: Int? = nil
    ) {
        self.windows = windows
        self.context = context
        self.scoredTokens = scoredTokens
        self.meanLoss = meanLoss
        self.divergence = divergence
        self.scoredBytes = scoredBytes
    }

    /// exp(mean negative log-likelihood)
    public var perplexity: Double { exp(meanLoss) }

    /// Bits that the model needs for a byte of the text. Models whose tokenizers differ can be compared by it, which
    /// they cannot by perplexity.
    public var bitsPerByte: Double? {
        guard let scoredBytes, scoredBytes > 0 else { return nil }
        return meanLoss * Double(scoredTokens) / log(2) / Double(scoredBytes)
    }
}

/// How far a model's predictions are from those of the model that it came from.
public struct Divergence: Equatable, Sendable {
    /// Mean over scored positions of Σ_v p_dense(v) · (ln p_dense(v) − ln p_model(v)), in nats.
    public var kl: Double
    /// The fraction of scored positions where both find the same token most likely.
    public var topAgreement: Double
    /// The dense model's own mean negative log-likelihood on the same tokens.
    public var denseMeanLoss: Double

    public var densePerplexity: Double { exp(denseMeanLoss) }
}
