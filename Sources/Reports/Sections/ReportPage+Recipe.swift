extension ReportPage {
    var recipes: (body: String, lead: String)? {
        let parts = runs.map { run -> String in
            let rows = (run.environment?.keys ?? []).prefix(60).compactMap { key -> [String]? in
                guard let value = run.environment?[key] else { return nil }
                return [HTML.name(key), HTML.name(value.stringValue ?? value.text(pretty: false))]
            }
            let recipe = run.recipe.map { "<pre>\(HTML.text($0, limit: 20_000))</pre>" } ?? "<p>No recipe.yaml.</p>"
            return "<details><summary>\(HTML.name(run.name))</summary>"
                + (rows.isEmpty ? "" : HTML.table(["evaluated with", ""], Array(rows), class: "texts")) + recipe
                + "</details>"
        }
        return (
            parts.joined(),
            "The recipe makes the same weights again: espalier prune --recipe recipe.yaml --output FOLDER."
        )
    }
}
