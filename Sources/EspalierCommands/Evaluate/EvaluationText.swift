import EspalierKit
import Faults

extension EvaluationReport {
    /// For people.
    var text: String {
        [
            files.isEmpty ? nil : perplexityTable, prompts?.text, promptLosses.isEmpty ? nil : promptTable, tasks?.text,
        ].compactMap { $0 }.joined(separator: "\n")
    }

    private var perplexityTable: String {
        var table = TextTable()
        let hasDense = against != nil
        table.add(
            cells: ["text", "tokens", "windows", "context", "perplexity", "bits/byte"]
                + (hasDense ? ["dense", "ratio", "KL", "same top token"] : []))
        for (name, found) in files {
            var cells = [
                Fault.harmless(name), Amount.count(found.scoredTokens), Amount.count(found.windows),
                Amount.count(found.context), Amount.fixed(found.perplexity, 3),
                found.bitsPerByte.map { Amount.fixed($0, 4) } ?? "–",
            ]
            if let dense = found.divergence {
                cells += [
                    Amount.fixed(dense.densePerplexity, 3),
                    Amount.fixed(found.perplexity / dense.densePerplexity, 4), Amount.fixed(dense.kl, 4),
                    Amount.percent(dense.topAgreement, 2),
                ]
            }
            table.add(cells: cells)
        }
        var text = table.text
        if hasBOS.values.contains(true) {
            let isWhole = files.allSatisfy { $0.1.scoredTokens == $0.1.windows * ($0.1.context - 1) }
            text +=
                isWhole
                ? "Each window of a text begins with BOS; all its other tokens are scored.\n"
                : "Each window of a text begins with BOS. The server tells nothing of the token after it, which this "
                    + "program's own engine scores: its perplexity is higher for that, the more the shorter the windows.\n"
        }
        if let context = exceededContext.values.min() {
            text += "Windows are longer than the model's context of \(Amount.count(context, "token")).\n"
        }
        return text
    }

    private var promptTable: String {
        var table = TextTable()
        table.add("log", "prompts", "tokens", "perplexity")
        for log in promptLosses {
            table.add(
                Fault.harmless(log.name), Amount.count(log.prompts), Amount.count(log.tokens),
                Amount.fixed(log.perplexity, 3))
        }
        return table.text
    }
}
