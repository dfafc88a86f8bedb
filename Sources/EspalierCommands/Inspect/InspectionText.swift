import EspalierKit
import Faults

extension Inspection {
    /// For people.
    var text: String {
        let c = configuration
        var facts = TextTable(leftColumns: 2)
        facts.add("model", Fault.harmless(model) + " (\(checkpoint.format.rawValue))")
        facts.add(
            "family",
            "\(c.family.name), \(Amount.count(c.layerCount, "block")), hidden \(c.hiddenSize), MLP "
                + Inspection.span(c.layers.map(\.intermediateSize)))
        facts.add(
            "attention",
            "\(Inspection.span(c.layers.map(\.headCount))) heads of \(c.headDimension), "
                + "\(Inspection.span(c.layers.map(\.keyValueHeadCount))) key-value heads"
                + (c.windows.compactMap { $0 }.first.map { ", window \($0)" } ?? ""))
        let (noAttention, noMLP) = (c.layers.count { !$0.hasAttention }, c.layers.count { !$0.hasMLP })
        if noAttention + noMLP > 0 {
            facts.add("left out", "the attention of \(Amount.count(noAttention, "block")), the MLP of \(noMLP)")
        }
        facts.add("context", "\(Amount.count(c.contextLength)) tokens")
        facts.add(
            "vocabulary",
            "\(Amount.count(c.vocabularySize)) tokens, embeddings \(c.tiesWordEmbeddings ? "" : "not ")tied to the head"
        )
        facts.add(
            "stored as",
            encodings.map { "\($0.name) (\(Amount.count($0.tensors, "tensor")))" }.joined(separator: ", "))
        facts.add("weights", "\(Amount.bytes(fileBytes)) in \(Amount.count(checkpoint.weightFiles.count, "file"))")
        facts.add("tokenizer", tokenizer?.text ?? "none usable")

        var parts = TextTable()
        parts.add("part", "parameters", "share")
        for (part, count) in parameters where count > 0 {
            parts.add(
                part.rawValue, Amount.count(count), Amount.percent(Double(count) / Double(max(1, totalParameters))))
        }
        parts.add("total", Amount.count(totalParameters), "")

        var matrices = TextTable()
        matrices.add(
            cells: ["linear", "count", "shape", "parameters"] + (nonFinite == nil ? [] : ["zeros", "pattern"]))
        for linear in linears {
            var cells = [
                linear.name.rawValue, Amount.count(linear.count),
                linear.shape.map { "\($0.out) × \($0.in)" } ?? "differs",
                Amount.count(linear.parameters),
            ]
            if let scan = linear.scan {
                cells += [
                    Amount.percent(scan.zeroFraction, 2),
                    scan.patterns.isEmpty ? "none" : scan.patterns.joined(separator: " "),
                ]
            }
            matrices.add(cells: cells)
        }
        let prunable = linears.reduce(0) { $0 + $1.parameters }
        matrices.add(
            cells: ["prunable", Amount.count(linears.reduce(0) { $0 + $1.count }), "", Amount.count(prunable)]
                + (sparsity.map { [Amount.percent($0, 2), ""] } ?? []))

        var text = facts.text + "\n" + parts.text + "\n" + matrices.text
        if let nonFinite {
            text += "\nnon-finite weights: "
            text += nonFinite.isEmpty ? "none\n" : "\n"
            for (tensor, count) in nonFinite {
                text += "  \(Fault.harmless(tensor, limit: 200)): \(Amount.count(count))\n"
            }
        }
        return text
    }

    /// "1536", or "512 to 1536" where layers differ.
    private static func span(_ values: [Int]) -> String {
        let (least, most) = (values.min() ?? 0, values.max() ?? 0)
        return least == most ? "\(most)" : "\(least) to \(most)"
    }

}

extension TokenizerSummary {
    var text: String {
        // A vocabulary may name its tokens as it likes.
        let prefix = prefix.map { Fault.harmless($0, limit: 40) }
        let end = TokenizerSummary.shown(end)
        return "\(Amount.count(tokens)) tokens, \(Amount.count(specialTokens)) of them special, "
            + (prefix.isEmpty ? "no BOS added" : "\(prefix.joined(separator: " ")) put before a text")
            + (end.isEmpty ? ", no end token" : ", ends with " + end.joined(separator: " or "))
            + (unusedRows == 0
                ? ""
                : "; "
                    + Amount.count(
                        unusedRows, "row of the embedding has no token", "rows of the embedding have no token"))
            + (tokensWithoutRow == 0
                ? ""
                : "; "
                    + Amount.count(
                        tokensWithoutRow, "token has no row of the embedding", "tokens have no row of the embedding"))
    }

    /// The first five names.
    private static func shown(_ names: [String]) -> [String] {
        names.prefix(5).map { Fault.harmless($0, limit: 40) }
            + (names.count > 5 ? ["\(Amount.count(names.count - 5)) more"] : [])
    }
}
