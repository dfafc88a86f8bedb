/// Runs of one method, pattern and sparsity on the same calibration texts: they differ in nothing that a user chose but the seed.
struct RunGroup {
    var setting: String
    var sources: String
    var members: [(name: String, seed: String, value: Double?)] = []

    /// Perplexities that are numbers.
    var values: [Double] { members.compactMap(\.value) }

    var mean: Double { values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count) }

    /// Of the sample; not a number for fewer than two.
    var deviation: Double {
        guard values.count > 1 else { return .nan }
        let mean = mean
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// In the order in which they first appear. Groups on several texts of one setting are followed by one of them all.
    static func groups(_ runs: [PublishedRun], _ text: (PublishedRun) -> PublishedRun.Text?) -> [RunGroup] {
        var groups: [RunGroup] = []
        for run in runs {
            let setting = "\(run.method) \(Figure.percent(run.asked)), \(run.pattern)"
            let sources = run.sources.isEmpty ? "no calibration text" : run.sources.sorted().joined(separator: ", ")
            let value = text(run)?.perplexity.flatMap { $0.isFinite && $0 < 1e100 ? $0 : nil }
            let member = (run.name, run.seed.map(String.init) ?? "–", value)
            if let place = groups.firstIndex(where: { $0.setting == setting && $0.sources == sources }) {
                groups[place].members.append(member)
            } else {
                groups.append(RunGroup(setting: setting, sources: sources, members: [member]))
            }
        }
        var result: [RunGroup] = []
        for group in groups where !result.contains(where: { $0.setting == group.setting }) {
            let same = groups.filter { $0.setting == group.setting }
            result += same
            if same.count > 1 {
                result.append(
                    RunGroup(
                        setting: group.setting, sources: "all \(same.count) texts", members: same.flatMap(\.members)))
            }
        }
        return result
    }
}
