import JSONText

extension Charts {
    /// KL after each step of a search.
    static func search(_ run: PublishedRun) -> Chart? {
        let points = run.search.enumerated().filter { abs($0.element.kl) < 1e9 }.map { (Double($0.offset), $0.element) }
        guard points.count > 1 else { return nil }
        let x = Scale(points.map(\.0), margin: 0.02, start: 60, end: width - 20)
        let y = Scale(points.map(\.1.kl), margin: 0.1, start: height - 48, end: 34)
        var body = axes(x, y, ("step", "distance from the dense model, KL in nats (lower: better)"), isXWhole: true)
        let path = points.map { "\(f(x.point($0.0))),\(f(y.point($0.1.kl)))" }.joined(separator: " ")
        body += "<polyline class=\"curve\" points=\"\(path)\"/>"
        for (index, step) in points {
            body += dot(
                "c0", x.point(index), y.point(step.kl), radius: 4,
                title: "\(HTML.name(step.step)): \(Figure.fixed(step.kl, 4))")
        }
        let values: [JSONValue] = points.map {
            .object([
                "step": .integer(Int($0.0)), "kind": .string(HTML.plainName($0.1.step)), "kl": .double($0.1.kl),
            ])
        }
        return Chart(
            name: "search", svg: frame("Progress of the search", body),
            specification: Specification.view(
                "line", values: values,
                [
                    ("x", Specification.axis("step", .quantitative)),
                    ("y", Specification.axis("kl", .quantitative, title: "KL to the dense model", fromZero: false)),
                ]))
    }
}
