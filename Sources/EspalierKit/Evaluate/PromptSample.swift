import Evaluation
import Faults
import JSONText

/// A prompt on which two models differ, with what each of them goes on to write.
public struct PromptSample {
    /// A greedy continuation.
    public struct Continuation: Equatable, Sendable {
        public var text: String
        public var ids: [Int32]
        public var stop: Generator.Stop

        /// The index of the first token that differs; nil when all is the same, the end too.
        public func firstDifference(from other: Continuation) -> Int? {
            let common = zip(ids, other.ids).prefix { $0 == $1 }.count
            return common == ids.count && ids.count == other.ids.count && stop == other.stop ? nil : common
        }
    }

    public var file: String
    /// From 1.
    public var line: Int
    public var prompt: String
    /// The completion that the log has.
    public var completion: String?
    public var score: PromptScore
    public var dense: Continuation
    public var pruned: Continuation

    public var firstDifference: Int? { dense.firstDifference(from: pruned) }

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
