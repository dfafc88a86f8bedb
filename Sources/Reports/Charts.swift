import JSONText

/// A picture for the page, and the same as a Vega-Lite specification for those who want to draw it themselves.
struct Chart {
    var name: String
    var svg: String
    var specification: JSONValue
}

/// An axis from data to points.
private struct Scale {
    let from: Double
    let to: Double
    let start: Double
    let end: Double

    /// - Parameter values: those that are no numbers are left out.
    init(_ values: [Double], margin: Double, start: Double, end: Double) {
        let finite = values.filter(\.isFinite)
        let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        let span = high > low ? high - low : max(abs(high), 1) * 0.1
        (from, to) = (low - margin * span, high + margin * span)
        (self.start, self.end) = (start, end)
    }

    func point(_ value: Double) -> Double { start + (value - from) / (to - from) * (end - start) }

    /// Round values within the axis, four or so.
    var ticks: [Double] {
        let raw = (to - from) / 4
        var step = 1e-9
        for candidate in (-9...9).flatMap({ power in [1.0, 2, 5].map { $0 * Scale.power(power) } })
        where candidate <= raw * 1.01 {
            step = candidate
        }
        let first = (from / step).rounded(.up)
        return (0..<12).map { (first + Double($0)) * step }.filter { $0 <= to }
    }

    private static func power(_ exponent: Int) -> Double {
        var value = 1.0
        for _ in 0..<abs(exponent) { value *= 10 }
        return exponent < 0 ? 1 / value : value
    }
}

enum Charts {
    private static let (width, height) = (640.0, 300.0)
    private static let colours = 6

    private static func f(_ value: Double) -> String { Figure.fixed(value, 1).replacing("−", with: "-") }

    private static func frame(_ title: String, height: Double = height, _ body: String) -> String {
        "<div class=\"scroll\"><svg viewBox=\"0 0 \(f(width)) \(f(height))\" role=\"img\" aria-label=\"\(HTML.text(title))\">"
            + "<title>\(HTML.text(title))</title>\(body)</svg></div>"
    }

    private static func axes(_ x: Scale, _ y: Scale, _ names: (x: String, y: String), digits: (x: Int, y: Int))
        -> String
    {
        var body = ""
        for tick in y.ticks {
            body += "<line class=\"grid\" x1=\"\(f(x.start))\" x2=\"\(f(x.end))\" y1=\"\(f(y.point(tick)))\" "
            body += "y2=\"\(f(y.point(tick)))\"/><text class=\"tick\" x=\"\(f(x.start - 6))\" "
            body += "y=\"\(f(y.point(tick) + 4))\" text-anchor=\"end\">\(Figure.fixed(tick, digits.y))</text>"
        }
        for tick in x.ticks {
            body += "<text class=\"tick\" x=\"\(f(x.point(tick)))\" y=\"\(f(y.start + 16))\" "
            body += "text-anchor=\"middle\">\(Figure.fixed(tick, digits.x))</text>"
        }
        body += "<text class=\"axis\" x=\"\(f((x.start + x.end) / 2))\" y=\"\(f(y.start + 34))\" "
        body += "text-anchor=\"middle\">\(HTML.text(names.x))</text>"
        body += "<text class=\"axis\" x=\"\(f(x.start - 40))\" y=\"\(f(y.end - 10))\">\(HTML.text(names.y))</text>"
        return body
    }

    private static func specification(
        _ mark: String, _ values: [JSONValue], x: (String, String), y: (String, String), colour: String? = nil
    ) -> JSONValue {
        func axis(_ field: (String, String)) -> JSONValue {
            .object(["field": .string(field.0), "type": .string("quantitative"), "title": .string(field.1)])
        }
        var encoding = JSONObject()
        encoding["x"] = axis(x)
        encoding["y"] = axis(y)
        if let colour { encoding["color"] = .object(["field": .string(colour), "type": .string("nominal")]) }
        return .object([
            "$schema": .string("https://vega.github.io/schema/vega-lite/v5.json"),
            "data": .object(["values": .array(values)]), "mark": .string(mark), "encoding": .object(encoding),
        ])
    }

    /// Quality against size: nearer to the lower left is better; a line joins runs that no other beats in both.
    static func pareto(_ runs: [PublishedRun]) -> Chart? {
        let points = runs.enumerated().compactMap { index, run in
            run.text?.ratio.map { (index: index, name: run.name, x: run.parametersLeft * 100, y: $0) }
        }.filter { $0.y.isFinite }
        guard !points.isEmpty else { return nil }
        let x = Scale(points.map(\.x) + [100], margin: 0.06, start: 60, end: width - 20)
        let y = Scale(points.map(\.y) + [1], margin: 0.08, start: height - 45, end: 30)
        var body = axes(x, y, ("parameters left, %", "perplexity, times the dense model's"), digits: (0, 2))
        let front = points.filter { point in
            !points.contains { ($0.x < point.x && $0.y <= point.y) || ($0.x <= point.x && $0.y < point.y) }
        }.sorted { $0.x < $1.x }
        let line = front.map { "\(f(x.point($0.x))),\(f(y.point($0.y)))" } + ["\(f(x.point(100))),\(f(y.point(1)))"]
        body += "<polyline class=\"front\" points=\"\(line.joined(separator: " "))\"/>"
        body +=
            "<circle class=\"dense\" cx=\"\(f(x.point(100)))\" cy=\"\(f(y.point(1)))\" r=\"5\"><title>dense</title></circle>"
        for point in points {
            let (px, py) = (x.point(point.x), y.point(point.y))
            let isRight = px > width * 0.7
            body += "<circle class=\"c\(point.index % colours)\" cx=\"\(f(px))\" cy=\"\(f(py))\" r=\"6\"><title>"
            body +=
                "\(HTML.name(point.name)): \(Figure.fixed(point.x, 1)) %, \(Figure.fixed(point.y, 3))</title></circle>"
            body += "<text class=\"label\" x=\"\(f(px + (isRight ? -10 : 10)))\" y=\"\(f(py - 8))\" "
            body += "text-anchor=\"\(isRight ? "end" : "start")\">\(HTML.name(point.name))</text>"
        }
        let values: [JSONValue] = points.map {
            .object(["run": .string($0.name), "parameters_left": .double($0.x), "perplexity_ratio": .double($0.y)])
        }
        return Chart(
            name: "quality-against-size", svg: frame("Quality against size", body),
            specification: specification(
                "point", values, x: ("parameters_left", "parameters left, %"),
                y: ("perplexity_ratio", "perplexity ratio"), colour: "run"))
    }

    /// What each layer lost: a row for each kind of linear, a column for each layer, and the layer's error below.
    static func heatMap(_ run: PublishedRun) -> Chart? {
        let linears = run.blocks.max { $0.sparsity.count < $1.sparsity.count }?.sparsity.map(\.linear) ?? []
        guard !linears.isEmpty else { return nil }
        let (left, top, rowHeight) = (60.0, 10.0, 22.0)
        let cell = (width - left - 10) / Double(run.blocks.count)
        var body = ""
        var values: [JSONValue] = []
        for (row, linear) in linears.enumerated() {
            let y = top + Double(row) * rowHeight
            body +=
                "<text class=\"tick\" x=\"\(f(left - 6))\" y=\"\(f(y + 15))\" text-anchor=\"end\">\(HTML.name(linear))</text>"
            for (column, block) in run.blocks.enumerated() {
                guard let fraction = block.sparsity.first(where: { $0.linear == linear })?.fraction, fraction.isFinite
                else { continue }
                body +=
                    "<rect class=\"heat\" x=\"\(f(left + Double(column) * cell))\" y=\"\(f(y))\" width=\"\(f(cell - 0.5))\" "
                body +=
                    "height=\"\(f(rowHeight - 1))\" style=\"--v:\(Figure.fixed(min(1, max(0, fraction)), 3))\"><title>"
                body += "layer \(column), \(HTML.name(linear)): \(Figure.percent(fraction)) removed</title></rect>"
                values.append(
                    .object(["layer": .integer(column), "linear": .string(linear), "removed": .double(fraction)]))
            }
        }
        let base = top + Double(linears.count) * rowHeight + 60
        let errors = run.blocks.map { $0.errorAfter ?? 0 }
        if let most = errors.filter(\.isFinite).max(), most > 0 {
            body += "<text class=\"tick\" x=\"\(f(left - 6))\" y=\"\(f(base - 20))\" text-anchor=\"end\">error</text>"
            for (column, error) in errors.enumerated() where error.isFinite {
                let bar = error / most * 46
                body += "<rect class=\"bar\" x=\"\(f(left + Double(column) * cell))\" y=\"\(f(base - bar))\" "
                body +=
                    "width=\"\(f(cell - 0.5))\" height=\"\(f(bar))\"><title>layer \(column): \(Figure.fixed(error, 4))</title></rect>"
            }
        }
        for column in stride(from: 0, to: run.blocks.count, by: max(1, run.blocks.count / 8)) {
            body += "<text class=\"tick\" x=\"\(f(left + (Double(column) + 0.5) * cell))\" y=\"\(f(base + 16))\" "
            body += "text-anchor=\"middle\">\(column)</text>"
        }
        return Chart(
            name: "layers", svg: frame("What each layer lost", height: base + 26, body),
            specification: .object([
                "$schema": .string("https://vega.github.io/schema/vega-lite/v5.json"),
                "data": .object(["values": .array(values)]), "mark": .string("rect"),
                "encoding": .object([
                    "x": .object(["field": .string("layer"), "type": .string("ordinal")]),
                    "y": .object(["field": .string("linear"), "type": .string("nominal")]),
                    "color": .object(["field": .string("removed"), "type": .string("quantitative")]),
                ]),
            ]))
    }

    /// KL behind each step of a search.
    static func search(_ run: PublishedRun) -> Chart? {
        let points = run.search.enumerated().filter { $0.element.kl.isFinite }.map { ($0.offset, $0.element) }
        guard points.count > 1 else { return nil }
        let x = Scale(points.map { Double($0.0) }, margin: 0.02, start: 60, end: width - 20)
        let y = Scale(points.map(\.1.kl), margin: 0.1, start: height - 45, end: 30)
        var body = axes(x, y, ("step", "KL to the dense model"), digits: (0, 3))
        let line = points.map { "\(f(x.point(Double($0.0)))),\(f(y.point($0.1.kl)))" }.joined(separator: " ")
        body += "<polyline class=\"curve\" points=\"\(line)\"/>"
        for (index, step) in points {
            body +=
                "<circle class=\"c0\" cx=\"\(f(x.point(Double(index))))\" cy=\"\(f(y.point(step.kl)))\" r=\"4\"><title>"
            body += "\(HTML.name(step.step)): \(Figure.fixed(step.kl, 4))</title></circle>"
        }
        let values: [JSONValue] = points.map {
            .object(["step": .integer($0.0), "kind": .string($0.1.step), "kl": .double($0.1.kl)])
        }
        return Chart(
            name: "search", svg: frame("Progress of the search", body),
            specification: specification("line", values, x: ("step", "step"), y: ("kl", "KL to the dense model")))
    }

    /// Task scores with error bars of one standard error, runs beside each other.
    static func tasks(_ runs: [PublishedRun]) -> Chart? {
        var names: [String] = []
        for run in runs { for task in run.tasks where !names.contains(task.name) { names.append(task.name) } }
        guard !names.isEmpty else { return nil }
        let (left, rowHeight) = (130.0, 14.0 * Double(runs.count) + 10)
        let height = 30 + rowHeight * Double(names.count) + 20
        let x = Scale([0, 1], margin: 0, start: left, end: width - 60)
        var body = ""
        var values: [JSONValue] = []
        for (row, name) in names.enumerated() {
            let top = 10 + rowHeight * Double(row)
            body +=
                "<text class=\"tick\" x=\"\(f(left - 6))\" y=\"\(f(top + rowHeight / 2))\" text-anchor=\"end\">\(HTML.name(name))</text>"
            for (index, run) in runs.enumerated() {
                guard let task = run.tasks.first(where: { $0.name == name }), task.value.isFinite else { continue }
                let y = top + 14 * Double(index)
                let end = x.point(min(1, max(0, task.value)))
                body +=
                    "<rect class=\"c\(index % colours)\" x=\"\(f(left))\" y=\"\(f(y))\" width=\"\(f(max(0, end - left)))\" "
                body +=
                    "height=\"11\"><title>\(HTML.name(run.name)), \(task.metric): \(Figure.fixed(task.value, 4))</title></rect>"
                if let error = task.standardError, error.isFinite {
                    let (a, b) = (x.point(max(0, task.value - error)), x.point(min(1, task.value + error)))
                    body +=
                        "<line class=\"error\" x1=\"\(f(a))\" x2=\"\(f(b))\" y1=\"\(f(y + 5.5))\" y2=\"\(f(y + 5.5))\"/>"
                }
                body +=
                    "<text class=\"tick\" x=\"\(f(width - 54))\" y=\"\(f(y + 10))\">\(Figure.fixed(task.value, 3))</text>"
                values.append(
                    .object([
                        "task": .string(name), "run": .string(run.name), "metric": .string(task.metric),
                        "value": .double(task.value),
                        "stderr": task.standardError.map(JSONValue.double) ?? .null,
                    ]))
            }
        }
        return Chart(
            name: "tasks", svg: frame("Tasks", height: height, body),
            specification: .object([
                "$schema": .string("https://vega.github.io/schema/vega-lite/v5.json"),
                "data": .object(["values": .array(values)]), "mark": .string("bar"),
                "encoding": .object([
                    "x": .object(["field": .string("value"), "type": .string("quantitative")]),
                    "y": .object(["field": .string("task"), "type": .string("nominal")]),
                    "yOffset": .object(["field": .string("run"), "type": .string("nominal")]),
                    "color": .object(["field": .string("run"), "type": .string("nominal")]),
                ]),
            ]))
    }
}
