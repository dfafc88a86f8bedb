/// The YAML at the head of a model card, by the hub's rules.
package struct CardHead {
    let source: SourceCard
    /// What the model was made from, by the hub's names.
    let bases: [String]
    let tags: [String]
    /// Whether transformers opens the folder.
    let isPlain: Bool

    package init(source: SourceCard, bases: [String], tags: [String], isPlain: Bool) {
        (self.source, self.bases, self.tags, self.isPlain) = (source, bases, tags, isPlain)
    }

    /// Of a run's output.
    ///
    /// - Parameter sparsity: of the weights, in a model whose weights are zero; nil where whole units went.
    init(source: SourceCard, method: String, sparsity: Double?, isPlain: Bool) {
        let share = sparsity.map { ["sparsity-\(Int(($0 * 100).rounded()))"] } ?? []
        self.init(
            source: source, bases: source.repository.map { [$0] } ?? [],
            tags: ["pruned", method] + share + ["espalier"], isPlain: isPlain)
    }

    /// With its marks and a line's end.
    package var text: String {
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
        if !bases.isEmpty {
            add("base_model", bases)
            // The hub knows adapter, merge, quantized and finetune; other weights of the same model are the last.
            add("base_model_relation", ["finetune"])
        }
        if isPlain { add("library_name", ["transformers"]) }
        add("pipeline_tag", ["text-generation"])
        add("tags", tags, isList: true)
        return "---\n" + lines.joined(separator: "\n") + "\n---\n"
    }
}
