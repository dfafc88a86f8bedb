import Recipes
import Records

/// The README.md of a model that was pruned in stages.
struct StagedCard {
    private let staged: StagedOutput
    private let recovery: RecoverResult
    private let context: RecoverContext

    init(_ staged: StagedOutput, recovery: RecoverResult, _ context: RecoverContext) {
        (self.staged, self.recovery, self.context) = (staged, recovery, context)
    }

    private var isStructural: Bool { staged.report[.structure] != nil }
    private var isPlain: Bool { staged.report[.structure]?.objectValue?[.plain]?.boolValue ?? true }

    private func count(_ key: ReportKey) -> Int {
        staged.report[.parameters]?.objectValue?[key]?.integerValue ?? 0
    }

    var text: String {
        let method = staged.report[.method]?.stringValue ?? ""
        let achieved = staged.report[.sparsity]?.objectValue?[.achieved]?.doubleValue ?? 0
        let source = SourceCard((context.teacher ?? context.decoder).checkpoint)
        let head = CardHead(
            source: source, method: method, sparsity: isStructural ? nil : achieved, isPlain: isPlain)
        let stages = staged.stages.count
        let shown = (try? PruneRecipe(yaml: staged.recipe))?.namingFilesAlone().yaml() ?? staged.recipe
        let what =
            isStructural
            ? "attention heads and neurons were removed with \(method)"
            : "weights were set to zero with \(method), pattern \(staged.report[.pattern]?.stringValue ?? "")"
        return """
            \(head.text)
            # Pruned model

            In \(stages) \(stages == 1 ? "stage" : "stages") \(what), each followed by at most \(recovery.stepsPlanned) steps \
            of training to the dense model's predictions: \(count(.after)) of \(count(.before)) parameters \
            \(isStructural ? "are left" : "are not zero; all are stored").\
            \(source.repository.map { " The source is `\($0)`." } ?? "")

            ## Loading

            \(isPlain ? ModelCard.plainLoading : ModelCard.ownLoading)

            ## Limits

            \(isStructural ? "" : ModelCard.zeros)Quality is lower than the source's, most of all outside the domain \
            of the text that it was trained on. Measure it on your own texts and tasks before its use: \
            `espalier evaluate`, `espalier gate`.

            ## Recipe

            `report.json` holds what became of every block, `recovery.json` the training and its stages. `recipe.yaml` \
            makes the same weights again:

            ```
            espalier prune --recipe recipe.yaml --output FOLDER
            ```

            Files are named here without their folders; paths in `recipe.yaml` are relative to its folder.

            ```yaml
            \(shown)```

            """
    }
}
