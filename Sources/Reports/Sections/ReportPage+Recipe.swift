import JSONText

extension ReportPage {
    var recipes: (body: String, lead: String)? {
        let parts = runs.map { run -> String in
            func table(_ environment: JSONObject?, _ title: String) -> String {
                let rows = (environment?.members ?? []).prefix(60).map { key, value in
                    [HTML.name(key), HTML.name(value.stringValue ?? value.text(pretty: false))]
                }
                return rows.isEmpty ? "" : HTML.table([title, ""], rows, class: "texts pairs")
            }
            let recipe = run.recipe.map { "<pre>\(HTML.text($0, limit: 20_000))</pre>" } ?? "<p>No recipe.yaml.</p>"
            return "<details><summary>\(HTML.name(run.name))</summary>"
                + table(run.environment, "quality measured with") + table(run.speedEnvironment, "speed measured with")
                + recipe
                + "</details>"
        }
        return (
            parts.joined(),
            "The recipe makes the same weights again: espalier prune --recipe recipe.yaml --output FOLDER."
        )
    }
}
