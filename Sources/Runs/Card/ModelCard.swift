/// The README.md of a published folder.
enum ModelCard {
    /// What a search left dense.
    private static func denseLinears(_ result: RunResult) -> String {
        result.denseLinears > 0 ? ", of which \(result.denseLinears) stay dense" : ""
    }

    static func text(_ result: RunResult, source: SourceCard, recipe: String) -> String {
        let structure = result.structure
        let isPlain = structure?.isPlain ?? true
        let head = CardHead(
            source: source, method: result.method, sparsity: structure == nil ? result.achieved : nil, isPlain: isPlain)
        let percent = (result.achieved * 10_000).rounded() / 100
        let done =
            structure.map {
                """
                Attention heads and neurons removed by Espalier with \(result.method): \(percent) % of \
                \($0.budget.phrase), \(result.parametersAfter) of \(result.parametersBefore) parameters are left.
                """
            } ?? """
                Pruned by Espalier with \(result.method), pattern \(result.pattern): \(percent) % of the weights of \
                \(result.linears.count) linear layers are zero\(denseLinears(result)). Of the model's \(result.parametersBefore) parameters \
                \(result.parametersAfter) are not zero; all are stored.
                """
        let origin = source.repository.map { " The source is `\($0)`." } ?? ""
        return """
            \(head.text)
            # Pruned model

            \(done)\(origin)

            ## Loading

            \(isPlain ? plainLoading : ownLoading)

            ## Limits

            \(structure == nil ? zeros : "")\(result.channelMoves == nil ? "" : moved)Quality is lower than the source's, most of all outside the calibration \
            domain. Measure it on your own texts and tasks before its use: `espalier evaluate`, `espalier gate`.

            ## Recipe

            `report.json` holds the error of every block\(structure == nil ? "" : ", its shape, the search's steps") \
            and the calibration manifest. `recipe.yaml` makes the same weights again:

            ```
            espalier prune --recipe recipe.yaml --output FOLDER
            ```

            Files are named here without their folders; paths in `recipe.yaml` are relative to its folder.

            ```yaml
            \(recipe)```

            """
    }

    static let zeros = """
        The weights are dense tensors with zeros: the files are no smaller, and software that does not use the zeros \
        is no faster. 
        """

    static let moved = """
        Channels stand in another order than the source's, which changes nothing that the model computes; adapters made \
        for the source do not fit. 
        """

    static let plainLoading = """
        ```python
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained("FOLDER")
        tokenizer = AutoTokenizer.from_pretrained("FOLDER")
        ```

        Any other software that supports the source's family opens it, too, as does `espalier generate FOLDER`.
        """

    static let ownLoading = """
        Layers differ in heads and width. The folder opens in Espalier (`inspect`, `evaluate`, `generate`, `verify`, \
        `prune`); other software refuses its `model_type`. `espalier export FOLDER --to gguf` (or `deci`, \
        `transformers`, `padded`) writes what llama.cpp, vLLM and transformers open.
        """
}
