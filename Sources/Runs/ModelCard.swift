/// The README.md of a published folder.
enum ModelCard {
    static func text(_ result: RunResult, recipe: String) -> String {
        let percent = (result.achieved * 10_000).rounded() / 100
        if let structure = result.structure { return text(result, structure, recipe: recipe, percent: percent) }
        return """
            ---
            library_name: transformers
            pipeline_tag: text-generation
            tags:
            - pruned
            - \(result.method)
            - sparsity-\(Int((result.achieved * 100).rounded()))
            ---

            # Pruned model

            Pruned by Espalier with \(result.method), pattern \(result.pattern): \(percent) % of the weights of \
            \(result.linears.count) linears are zero, \(result.parametersAfter) of \(result.parametersBefore) parameters \
            are left.

            The weights are dense tensors with zeros: the files are no smaller, and software that does not use the \
            zeros is no faster.

            `report.json` holds the error of every block and the calibration manifest. The recipe, which makes the \
            same weights again:

            ```yaml
            \(recipe)```

            """
    }

    private static func text(
        _ result: RunResult, _ structure: StructuralReport, recipe: String, percent: Double
    ) -> String {
        let loading =
            structure.isPlain
            ? "All layers are alike: the folder opens wherever the model's family does."
            : """
            Layers differ in heads and width. The folder opens in Espalier (`inspect`, `evaluate`, `generate`, `verify`, \
            `prune`); other software refuses its `model_type`.
            """
        return """
            ---
            \(structure.isPlain ? "library_name: transformers\n" : "")pipeline_tag: text-generation
            tags:
            - pruned
            - \(result.method)
            ---

            # Pruned model

            Attention heads and neurons removed by Espalier with \(result.method): \(percent) % of \(structure.budget.phrase), \
            \(result.parametersAfter) of \(result.parametersBefore) parameters of the model are left.

            \(loading)

            `report.json` holds the shape and the error of every block, the steps of the search and the calibration \
            manifest. The recipe, which makes the same weights again:

            ```yaml
            \(recipe)```

            """
    }
}
