extension ReportPage {
    private var groups: [RunGroup] { RunGroup.groups(runs, text) }

    /// Nil where nothing was done twice.
    var spreadChart: Chart? { Charts.spread(groups) }

    /// Runs that differ in seed or calibration text only.
    var seeds: (body: String, lead: String)? {
        let settings = Set(groups.filter { $0.members.count > 1 }.map(\.setting))
        let rows = groups.filter { settings.contains($0.setting) }.map { group -> [String] in
            let values = group.values
            return [
                HTML.name(group.setting), HTML.name(group.sources), "\(group.members.count)",
                HTML.name(group.members.map(\.seed).joined(separator: ", ")),
                "\(Figure.fixed(group.mean, 2)) ± \(Figure.fixed(group.deviation, 2))",
                values.isEmpty ? "–" : "\(Figure.fixed(values.min(), 2)) to \(Figure.fixed(values.max(), 2))",
            ]
        }
        guard !rows.isEmpty else { return nil }
        let head = ["setting", "calibration text", "runs", "seeds", "perplexity", "range"]
        return (
            (spreadChart?.svg ?? "") + HTML.table(head, rows),
            "The same settings again, with other seeds or texts: mean ± standard deviation. A difference between two settings that is "
                + "smaller than this spread says nothing."
        )
    }
}
