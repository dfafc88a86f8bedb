import EspalierKit
import Faults

extension PromptReport {
    var text: String {
        var table = TextTable()
        table.add("log", "prompts", "tokens", "perplexity", "dense", "ratio", "KL", "same top token")
        for log in logs {
            let dense = log.total.divergence
            table.add(
                Fault.harmless(log.name), Amount.count(log.prompts), Amount.count(log.total.tokens),
                Amount.fixed(log.total.perplexity, 3), Amount.fixed(dense.densePerplexity, 3),
                Amount.fixed(log.total.perplexityRatio, 4), Amount.fixed(dense.kl, 4),
                Amount.percent(dense.topAgreement, 2))
        }
        guard !samples.isEmpty else { return table.text }
        let title =
            samples.count == 1
            ? "the prompt on which the models differ most"
            : "the \(samples.count) prompts on which the models differ most"
        return table.text + "\n\(title), with each model's continuation:\n"
            + samples.enumerated().map { $1.text($0 + 1) }.joined()
    }
}

extension PromptSample {
    /// Characters of a prompt that are shown.
    static let shownCharacters = 240

    /// A few lines for people.
    ///
    /// - Parameter number: the rank, from 1.
    func text(_ number: Int) -> String {
        let score =
            "KL \(Amount.fixed(score.divergence.kl, 4)), same top token "
            + "\(Amount.percent(score.divergence.topAgreement)), "
            + "perplexity \(Amount.fixed(score.perplexity, 2)) (dense "
            + "\(Amount.fixed(score.divergence.densePerplexity, 2)))"
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
        case .endToken: return text.isEmpty ? "(ends immediately)" : text
        case .length: return text + " …"
        case .context: return text + (text.isEmpty ? "" : "\n") + "(the context is full)"
        case .notANumber: return text + (text.isEmpty ? "" : "\n") + "(the predictions are NaN or infinite)"
        }
    }

    /// On one line; of a long prompt its beginning and its end, where the continuation begins.
    static func shortened(_ prompt: String) -> String {
        let words = prompt.split { $0.isWhitespace }.joined(separator: " ")
        guard words.count > shownCharacters else { return words }
        return words.prefix(shownCharacters / 3) + " … " + words.suffix(shownCharacters * 2 / 3)
    }
}
