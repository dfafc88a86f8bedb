/// The YAML at the head of a model card, by the hub's rules.
struct CardHead {
    let source: SourceCard
    let method: String
    /// Of the weights, in a model whose weights are zero; nil where whole units went.
    let sparsity: Double?
    /// Whether transformers opens the folder.
    let isPlain: Bool

    /// With its marks and a line's end.
    var text: String {
        var lines: [String] = []
        func add(_ key: String, _ values: [String], isList: Bool = false) {
            if values.count == 1, !isList, let value = values.first {
                lines.append("\(key): \(CardScalar.text(value))")
            } else if !values.isEmpty {
                lines.append("\(key):")
                lines += values.map { "- \(CardScalar.text($0))" }
            }
        }
        for (key, values) in source.fields { add(key, values, isList: key == "language" || key == "datasets") }
        if let repository = source.repository {
            add("base_model", [repository])
            // The hub knows adapter, merge, quantized and finetune; other weights of the same model are the last.
            add("base_model_relation", ["finetune"])
        }
        if isPlain { add("library_name", ["transformers"]) }
        add("pipeline_tag", ["text-generation"])
        let tags =
            ["pruned", method] + (sparsity.map { ["sparsity-\(Int(($0 * 100).rounded()))"] } ?? []) + ["espalier"]
        add("tags", tags, isList: true)
        return "---\n" + lines.joined(separator: "\n") + "\n---\n"
    }
}
