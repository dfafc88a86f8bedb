/// The README.md of a published folder.
enum ModelCard {
    static func text(_ result: RunResult, recipe: String) -> String {
        let percent = (result.achieved * 10_000).rounded() / 100
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
}
