import EspalierKit
import Faults
import Tasks

extension TaskReport {
    /// For people.
    var text: String {
        var table = TextTable(leftColumns: 2)
        table.add(
            cells: ["task", "metric", "items", "examples", "value", "stderr"] + (dense.isEmpty ? [] : ["dense"]))
        func row(_ name: String, _ items: Int, _ shots: Int, _ found: TaskValue, dense: TaskValue?) {
            table.add(
                cells: [
                    Fault.harmless(name), found.metric.rawValue, Amount.count(items), Amount.count(shots),
                    Amount.fixed(found.value, 4), found.standardError.map { Amount.fixed($0, 4) } ?? "-",
                ] + (dense.map { [Amount.fixed($0.value, 4)] } ?? []))
        }
        let scores = scoresByName
        for group in groups {
            guard let value = group.accuracy(scores) else { continue }
            let items = group.tasks.reduce(0) { $0 + (scores[$1]?.items.count ?? 0) }
            row(group.name, items, settings.shots, value, dense: group.accuracy(dense))
        }
        for (task, scores) in tasks {
            for (index, value) in scores.values.enumerated() {
                row(task.name, task.items.count, task.shots, value, dense: dense[task.name]?.values[index])
            }
        }
        let close = tasks.reduce(0) { $0 + $1.scores.ties.count }
        return table.text
            + (close == 0
                ? ""
                : Amount.count(close, "choice was", "choices were")
                    + " closer than 1e-4 to the next choice; --json lists them\n")
    }
}
