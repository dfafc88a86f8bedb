extension ReportPage {
    /// Of settings that were run more than once.
    private var groups: [RunGroup] {
        let all = RunGroup.groups(runs, text)
        return all.filter { group in all.contains { $0.setting == group.setting && $0.members.count > 1 } }
    }

    var spreadChart: Chart? { Charts.spread(groups) }

    /// Runs that differ in seed or calibration text only.
    var seeds: (body: String, lead: String)? {
        let rows = groups.map { group -> [String] in
            let values = group.values
            return [
                HTML.name(group.setting), HTML.name(group.sources), "\(group.members.count)",
                HTML.name(group.members.map(\.seed).joined(separator: ", ")),
                Figure.fixed(group.mean, 2) + (values.count > 1 ? " ± " + Figure.fixed(group.deviation, 2) : ""),
                values.count < 2 ? "–" : "\(Figure.fixed(values.min(), 2)) to \(Figure.fixed(values.max(), 2))",
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
