import Faults
import JSONText

extension Inspection {
    /// For people.
    public var text: String {
        let c = configuration
        var facts = TextTable(leftColumns: 2)
        facts.add("model", Fault.harmless(model) + " (\(checkpoint.format.rawValue))")
        facts.add(
            "family",
            "\(c.family.name), \(c.layerCount) blocks, hidden \(c.hiddenSize), MLP "
                + Inspection.span(c.layers.map(\.intermediateSize)))
        facts.add(
            "attention",
            "\(Inspection.span(c.layers.map(\.headCount))) heads of \(c.headDimension), "
                + "\(Inspection.span(c.layers.map(\.keyValueHeadCount))) key-value heads"
                + (c.windows.compactMap { $0 }.first.map { ", window \($0)" } ?? ""))
        let (noAttention, noMLP) = (c.layers.count { !$0.hasAttention }, c.layers.count { !$0.hasMLP })
        if noAttention + noMLP > 0 {
            facts.add("left out", "the attention of \(noAttention) blocks, the MLP of \(noMLP)")
        }
        facts.add("context", "\(Amount.count(c.contextLength)) tokens")
        facts.add(
            "vocabulary",
            "\(Amount.count(c.vocabularySize)) tokens, embeddings \(c.tiesWordEmbeddings ? "" : "not ")tied to the head"
        )
        facts.add(
            "stored as",
            encodings.map { "\($0.name) (\(Amount.count($0.tensors)) tensors)" }.joined(separator: ", "))
        let files = checkpoint.weightFiles.count
        facts.add("weights", "\(Amount.bytes(fileBytes)) in \(files) file\(files == 1 ? "" : "s")")
        facts.add("tokenizer", tokenizer?.text ?? "none that can be used")

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

    public var json: JSONValue {
        let c = configuration
        var parts = JSONObject()
        for (part, count) in parameters { parts[part.rawValue.lowercased()] = .integer(count) }
        parts["total"] = .integer(totalParameters)
        let list = linears.map { linear -> JSONValue in
            .object([
                "name": .string(linear.name.rawValue), "count": .integer(linear.count),
                "shape": linear.shape.map { .array([.integer($0.out), .integer($0.in)]) } ?? .null,
                "parameters": .integer(linear.parameters),
                "zero_fraction": linear.scan.map { .double($0.zeroFraction) } ?? .null,
                "patterns": linear.scan.map { .array($0.patterns.map { .string($0) }) } ?? .null,
            ])
        }
        return .object([
            "model": .string(model), "format": .string(checkpoint.format.rawValue),
            "family": .string(c.family.name), "blocks": .integer(c.layerCount),
            "hidden_size": .integer(c.hiddenSize), "intermediate_size": .integer(c.widest.intermediateSize),
            "attention_heads": .integer(c.widest.headCount),
            "key_value_heads": .integer(c.widest.keyValueHeadCount),
            "layers": c.isUniform
                ? .null
                : .array(
                    c.layers.map {
                        .object([
                            "attention_heads": .integer($0.headCount),
                            "key_value_heads": .integer($0.keyValueHeadCount),
                            "intermediate_size": .integer($0.intermediateSize),
                        ])
                    }),
            "head_dimension": .integer(c.headDimension),
            "sliding_window": c.windows.compactMap { $0 }.first.map { .integer($0) } ?? .null,
            "vocabulary_size": .integer(c.vocabularySize), "context_length": .integer(c.contextLength),
            "tied_embeddings": .bool(c.tiesWordEmbeddings), "quantised": .bool(checkpoint.isQuantised),
            "stored_as": .array(
                encodings.map {
                    .object([
                        "encoding": .string($0.name), "tensors": .integer($0.tensors),
                        "parameters": .integer($0.parameters),
                    ])
                }),
            "files": .array(
                checkpoint.weightFiles.map { .object(["name": .string($0.name), "bytes": .integer($0.bytes)]) }),
            "parameters": .object(parts), "linears": .array(list),
            "sparsity": sparsity.map { .double($0) } ?? .null,
            "non_finite": nonFinite.map { found in
                .array(found.map { .object(["tensor": .string($0.tensor), "count": .integer($0.count)]) })
            } ?? .null,
            "tokenizer": tokenizer?.json ?? .null, "warnings": .array(warnings.map { .string($0) }),
        ])
    }
}
