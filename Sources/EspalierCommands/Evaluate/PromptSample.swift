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

    // MARK: Text

    /// Characters of a prompt that are shown.
    static let shownCharacters = 240

    /// A few lines for people.
    ///
    /// - Parameter number: the rank, from 1.
    func text(_ number: Int) -> String {
        let score =
            "KL \(Amount.fixed(score.divergence.kl, 4)), same top token \(Amount.percent(score.divergence.topAgreement)), "
            + "perplexity \(Amount.fixed(score.perplexity, 2)) (dense \(Amount.fixed(score.divergence.densePerplexity, 2)))"
        let place = Fault.harmless(file)
        return "\n\(number). \(place), line \(line): \(score)\n"
            + PromptSample.block("prompt", PromptSample.shortened(prompt))
            + (completion.map { PromptSample.block("logged", PromptSample.shortened($0)) } ?? "")
            + PromptSample.block("dense", PromptSample.shown(dense))
            + PromptSample.block("pruned", firstDifference == nil ? "(the same)" : PromptSample.shown(pruned))
            + (firstDifference.map { "   they differ from new token \($0 + 1) on\n" } ?? "")
    }

    /// Every line beside a margin, so that a text cannot pass for the tool's own words.
    private static func block(_ label: String, _ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Fault.harmless(String($0)) }
        return lines.enumerated().map { index, line in
            let head = index == 0 ? label : ""
            return "   " + head + String(repeating: " ", count: 6 - head.count) + " | " + line + "\n"
        }.joined()
    }

    private static func shown(_ continuation: Continuation) -> String {
        var text = continuation.text
        while text.last?.isWhitespace == true { text.removeLast() }
        switch continuation.stop {
        case .endToken: return text.isEmpty ? "(ends at once)" : text
        case .length: return text + " …"
        case .context: return text + (text.isEmpty ? "" : "\n") + "(the context is full)"
        case .notANumber: return text + (text.isEmpty ? "" : "\n") + "(the predictions are not numbers)"
        }
    }

    /// On one line; of a long prompt its beginning and its end, where the continuation begins.
    static func shortened(_ prompt: String) -> String {
        let words = prompt.split { $0.isWhitespace }.joined(separator: " ")
        guard words.count > shownCharacters else { return words }
        return words.prefix(shownCharacters / 3) + " … " + words.suffix(shownCharacters * 2 / 3)
    }
}
