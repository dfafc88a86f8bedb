import Foundation
import JSONText

/// How well one model predicts a log of prompts.
public struct PromptLoss {
    /// Shortest name of its file.
    public var name: String
    /// Prompts that were scored.
    public var prompts: Int
    /// Prompts cut to the context, and those left out.
    public var cut: Int
    public var dropped: Int
    /// Tokens that were scored.
    public var tokens: Int
    /// Mean negative log-likelihood, in nats for each scored token.
    public var meanLoss: Double
    /// SHA-256 of the tokens that were scored.
    public var tokenDigest: String

    public var perplexity: Double { exp(meanLoss) }

    var json: JSONValue {
        .object([
            "prompts": .integer(prompts), "tokens": .integer(tokens), "perplexity": .double(perplexity),
            "cut": .integer(cut), "left_out": .integer(dropped), "tokens_sha256": .string(tokenDigest),
        ])
    }
}
