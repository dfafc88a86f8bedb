import Evaluation
import Faults
import JSONText

/// How two models compare on logs of prompts.
public struct PromptReport {
    /// What one log gave.
    public struct Log {
        /// Shortest name of its file.
        public var name: String
        /// Prompts that were scored.
        public var prompts: Int
        /// Prompts cut to the context, and those without a token to score, which were left out.
        public var cut: Int
        public var dropped: Int
        /// Over all their scored tokens.
        public var total: PromptScore
        /// SHA-256 of the tokens that were scored.
        public var tokenDigest: String
    }

    /// In the order asked for.
    public var logs: [Log] = []
    /// The prompts with the largest divergence, the largest first.
    public var samples: [PromptSample] = []

    /// The members of the JSON document that tell of prompts.
    var members: [(key: String, value: JSONValue)] {
        var files = JSONObject()
        for log in logs {
            files[log.name] = .object([
                "prompts": .integer(log.prompts), "tokens": .integer(log.total.tokens),
                "kl": .double(log.total.divergence.kl), "top1_agreement": .double(log.total.divergence.topAgreement),
                "perplexity": .double(log.total.perplexity),
                "against_perplexity": .double(log.total.divergence.densePerplexity),
                "perplexity_ratio": .double(log.total.perplexityRatio), "cut": .integer(log.cut),
                "left_out": .integer(log.dropped), "tokens_sha256": .string(log.tokenDigest),
            ])
        }
        return [("prompts", .object(files)), ("samples", .array(samples.map(\.json)))]
    }

}
