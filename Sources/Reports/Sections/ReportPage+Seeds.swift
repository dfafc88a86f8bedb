extension ReportPage {
    /// Of settings that were run more than once.
    var groups: [RunGroup] {
        let all = RunGroup.groups(runs, text)
        return all.filter { group in all.contains { $0.number == group.number && $0.members.count > 1 } }
    }

    var spreadChart: Chart? { Charts.spread(groups) }

    /// Runs that differ in seed or calibration text only.
    var seeds: (body: String, lead: String)? {
        let groups = groups
        let rows = groups.map { group -> [String] in
            let values = group.values
            let all = group.members.compactMap(\.value)
            let digits = Figure.digits(showing: group.deviation)
            return [
                HTML.name(group.setting), HTML.name(group.sources), "\(group.members.count)", seeds(group),
                Figure.fixed(group.mean, digits)
                    + (values.count > 1 ? " ± " + Figure.fixed(group.deviation, digits) : ""),
                all.count < 2 ? "–" : "\(Figure.fixed(all.min(), digits)) to \(Figure.fixed(all.max(), digits))",
            ]
        }
        guard !rows.isEmpty else { return nil }
        let head = ["setting", "calibration text", "runs", "seeds", "perplexity", "range"]
        let hasSpread = groups.contains { $0.values.count > 1 }
        let hasRepeats = groups.contains(where: \.hasRepeats)
        let lead = [
            "Runs with the same recipe except for the seed or the calibration text.",
            hasSpread
                ? "Perplexity is given as mean ± standard deviation. A difference between two settings that is "
                    + "smaller than this "
                    + "spread is not meaningful." : "",
            hasRepeats
                ? "Runs with the same seed are a repeat: they count once for mean and spread, and only show whether "
                    + "the result "
                    + "can be reproduced." : "",
        ]
        return (
            (spreadChart?.svg ?? "") + HTML.table(head, rows),
            lead.filter { !$0.isEmpty }.joined(separator: " ")
        )
    }

    /// "0, 1", "0 (2 repeats)"
    private func seeds(_ group: RunGroup) -> String {
        HTML.name(
            group.seeds.map { seed, count in
                count == 1 || group.isOfAllTexts ? seed : "\(seed) (a repeat: \(count) runs)"
            }.joined(separator: ", "))
    }
}
