import JSONText

extension Inspection {
    /// What `inspect --json` prints.
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
