extension ReportPage {
    private var bars: [Charts.TaskBar] {
        let dense = runs.first { !$0.denseTasks.isEmpty }.map {
            Charts.TaskBar(run: "dense", colour: "plain", tasks: $0.denseTasks)
        }
        return [dense].compactMap { $0 }
            + runs.enumerated().filter { !$0.element.tasks.isEmpty }.map {
                Charts.TaskBar(run: $0.element.name, colour: "c\($0.offset % Charts.colours)", tasks: $0.element.tasks)
            }
    }

    var taskChart: Chart? { Charts.tasks(bars) }

    var tasks: (body: String, lead: String)? {
        guard let chart = taskChart else { return nil }
        let legend = bars.map { "<span class=\"key \($0.colour)\">\(HTML.name($0.run))</span>" }
        let rows = bars.flatMap { bar in
            bar.tasks.map { task in
                [
                    HTML.name(bar.run), HTML.name(task.name), task.metric, Figure.percent(task.value),
                    task.standardError.map { "± " + Figure.percent($0) } ?? "–",
                ]
            }
        }
        return (
            "<p>\(legend.joined(separator: " "))</p>" + chart.svg + "<details><summary>As a table</summary>"
                + HTML.table(["model", "task", "measure", "right", "standard error"], rows) + "</details>",
            "Share of right answers. The thin line is one standard error to either side: where lines overlap, the "
                + "difference may be chance."
        )
    }
}
