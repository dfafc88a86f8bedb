extension ReportPage {
    /// What servers open in place of the folder, and what their types cost.
    var exports: (body: String, lead: String)? {
        let hasDense = runs.contains { run in
            run.exports.contains { $0.texts.contains { run.densePerplexity(of: $0) != nil } }
        }
        let rows = runs.flatMap { run in
            run.exports.flatMap { file in
                let texts: [PublishedRun.Text?] = file.texts.isEmpty ? [nil] : file.texts
                return texts.map { row(run, file, $0, hasDense: hasDense) }
            }
        }
        guard !rows.isEmpty else { return nil }
        let head =
            (runs.count > 1 ? ["run"] : [])
            + ["file", "type", "size", "text", "perplexity", "the folder's", "times the folder's"]
            + (hasDense ? ["times dense"] : []) + ["same next token", "KL"]
        return (
            HTML.table(head, rows),
            "GGUF files that were made from the folder. Espalier read each file as it was written and scored it beside "
                + "the folder, on the same tokens; the same next token and KL are relative to the folder. The verdict "
                + "and all other figures of this page are the folder's: what a type costs comes on top."
        )
    }

    private func row(
        _ run: PublishedRun, _ file: ExportedFile, _ text: PublishedRun.Text?, hasDense: Bool
    ) -> [String] {
        let dense = text.flatMap { run.densePerplexity(of: $0) }
        let ratio = dense.flatMap { dense in text?.perplexity.map { $0 / dense } }
        return (runs.count > 1 ? [HTML.name(run.name)] : []) + [
            HTML.name(file.name), HTML.name(file.type), Figure.bytes(file.bytes),
            text.map { HTML.name($0.name) } ?? "not measured", Figure.fixed(text?.perplexity, 2),
            Figure.fixed(text?.densePerplexity, 2), Figure.fixed(text?.ratio, 3),
        ] + (hasDense ? [Figure.fixed(ratio, 3)] : []) + [
            Figure.percent(text?.topAgreement), Figure.fixed(text?.kl, 4),
        ]
    }
}

extension PublishedRun {
    /// The dense model's on the tokens that an exported file was scored on, where it was evaluated on the same.
    func densePerplexity(of text: Text) -> Double? {
        guard text.digest != nil else { return nil }
        return texts.first { $0.identity == text.identity }?.densePerplexity.flatMap { $0 > 0 ? $0 : nil }
    }
}
