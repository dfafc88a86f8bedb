import JSONText

extension Charts {
    /// A bar of the picture below.
    struct TaskBar {
        var run: String
        var colour: String
        var tasks: [PublishedRun.Task]
    }

    /// Task scores with error bars of one standard error, models beside each other.
    static func tasks(_ bars: [TaskBar]) -> Chart? {
        var names: [String] = []
        var seen: Set<String> = []
        for bar in bars { for task in bar.tasks where seen.insert(task.name).inserted { names.append(task.name) } }
        guard !names.isEmpty else { return nil }
        let (left, rowHeight) = (140.0, 18.0 * Double(bars.count) + 12)
        let bottom = 10 + rowHeight * Double(names.count)
        let x = Scale([0, 1], margin: 0, start: left, end: width - 84)
        var body = ""
        for tick in x.ticks {
            body += line("grid", (x.point(tick), x.point(tick)), (4, bottom))
            body += label("tick", x.point(tick), bottom + 16, .middle, Figure.percent(tick, 0))
        }
        var values: [JSONValue] = []
        for (row, name) in names.enumerated() {
            let top = 10 + rowHeight * Double(row)
            body += label("tick", left - 6, top + rowHeight / 2, .end, HTML.text(name, limit: 20))
            for (index, bar) in bars.enumerated() {
                guard let task = bar.tasks.first(where: { $0.name == name }), task.value.isFinite else { continue }
                let y = top + 18 * Double(index)
                let end = x.point(min(1, max(0, task.value)))
                body += rectangle(
                    bar.colour, x: left, y: y, width: end - left, height: 14,
                    title: "\(HTML.name(bar.run)), \(task.metric): \(Figure.percent(task.value))")
                if let error = task.standardError, error.isFinite {
                    let (a, b) = (x.point(max(0, task.value - error)), x.point(min(1, task.value + error)))
                    body += line("error", (a, b), (y + 7, y + 7))
                    for end in [a, b] { body += line("error", (end, end), (y + 4, y + 10)) }
                }
                body += label("tick", width - 64, y + 12, .start, Figure.percent(task.value))
                let error = task.standardError.flatMap { $0.isFinite ? JSONValue.double($0) : nil } ?? .null
                values.append(
                    .object([
                        "task": .string(HTML.plainName(name)), "run": .string(HTML.plainName(bar.run)),
                        "metric": .string(task.metric), "value": .double(task.value), "stderr": error,
                        "least": .double(task.value - (task.standardError ?? 0)),
                        "most": .double(task.value + (task.standardError ?? 0)),
                    ]))
            }
        }
        let rows = [("y", Specification.axis("task", .nominal)), ("yOffset", Specification.axis("run", .nominal))]
        let views = [
            Specification.view(
                "bar",
                [
                    ("x", Specification.axis("value", .quantitative, title: "right answers")),
                    ("color", Specification.axis("run", .nominal)),
                ] + rows),
            Specification.view(
                "rule",
                [("x", Specification.axis("least", .quantitative)), ("x2", .object(["field": .string("most")]))] + rows),
        ]
        return Chart(
            name: "tasks", svg: frame("Tasks", height: bottom + 24, body),
            specification: Specification.composed("layer", values: values, views))
    }
}
