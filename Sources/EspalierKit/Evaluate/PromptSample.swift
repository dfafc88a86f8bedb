import Evaluation
import Faults
import JSONText

/// A prompt on which two models differ, with what each of them goes on to write.
public struct PromptSample {
    /// A greedy continuation.
    public struct Continuation: Equatable, Sendable {
        /// Without special tokens.
        public var text: String
        /// The new tokens.
        public var ids: [Int32]
        /// Why it ended.
        public var stop: Generator.Stop

        /// The index of the first token that differs; nil when all is the same, the end too.
        public func firstDifference(from other: Continuation) -> Int? {
            let common = zip(ids, other.ids).prefix { $0 == $1 }.count
            return common == ids.count && ids.count == other.ids.count && stop == other.stop ? nil : common
        }
    }

    /// The log's name.
    public var file: String
    /// From 1.
    public var line: Int
    /// As the log has it, or as a template renders it.
    public var prompt: String
    /// The completion that the log has.
    public var completion: String?
    /// How far apart the two models are on it.
    public var score: PromptScore
    /// Of the model that the other was made from.
    public var dense: Continuation
    /// Of the model that is measured.
    public var pruned: Continuation

    /// The index of the first new token that differs; nil when all is the same.
    public var firstDifference: Int? { dense.firstDifference(from: pruned) }

    /// A member of `samples`.
    public var json: JSONValue {
        .object([
            "prompt": .string(prompt), "dense": .string(dense.text), "pruned": .string(pruned.text),
            "kl": .double(score.divergence.kl), "file": .string(file), "line": .integer(line),
            "first_difference": firstDifference.map { .integer($0) } ?? .null,
            "dense_stop": .string(dense.stop.rawValue), "pruned_stop": .string(pruned.stop.rawValue),
            "completion": completion.map { .string($0) } ?? .null, "tokens": .integer(score.tokens),
            "top1_agreement": .double(score.divergence.topAgreement), "perplexity": .double(score.perplexity),
            "against_perplexity": .double(score.divergence.densePerplexity),
        ])
    }
}
