#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How a model and the one that it came from predict the same tokens of prompts. Not a number where their logits were
/// not.
public struct PromptScore: Equatable, Sendable {
    /// Tokens scored.
    public var tokens: Int
    /// Mean negative log-likelihood, in nats for each scored token.
    public var meanLoss: Double
    public var divergence: Divergence

    public init(tokens: Int, meanLoss: Double, divergence: Divergence) {
        self.tokens = tokens
        self.meanLoss = meanLoss
        self.divergence = divergence
    }

    public var perplexity: Double { exp(meanLoss) }
    /// The model's perplexity over the dense one's.
    public var perplexityRatio: Double { exp(meanLoss - divergence.denseMeanLoss) }

    /// All tokens of some prompts together.
    public static func total(_ scores: [PromptScore]) -> PromptScore {
        let tokens = scores.reduce(0) { $0 + $1.tokens }
        func mean(_ value: (PromptScore) -> Double) -> Double {
            scores.reduce(0) { $0 + Double($1.tokens) * value($1) } / Double(tokens)
        }
        return PromptScore(
            tokens: tokens, meanLoss: mean(\.meanLoss),
            divergence: Divergence(
                kl: mean(\.divergence.kl), topAgreement: mean(\.divergence.topAgreement),
                denseMeanLoss: mean(\.divergence.denseMeanLoss)))
    }

    /// The indices of the scores by falling divergence. What is not a number comes first; equal ones keep their order.
    public static func mostDifferentFirst(_ scores: [PromptScore]) -> [Int] {
        let keys = scores.map { $0.divergence.kl.isNaN ? Double.infinity : $0.divergence.kl }
        func precedes(_ a: Int, _ b: Int) -> Bool {
            let (first, second) = (scores[a].divergence.kl.isNaN, scores[b].divergence.kl.isNaN)
            if first != second { return first }
            return keys[a] != keys[b] ? keys[a] > keys[b] : a < b
        }
        return scores.indices.sorted(by: precedes)
    }
}
