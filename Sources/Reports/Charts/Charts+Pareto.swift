import JSONText

extension Charts {
    /// What quality is held against.
    enum Cost {
        /// Parameters left, %: less is better.
        case size
        /// Times as fast as the dense model: more is better.
        case speed

        var name: String { self == .size ? "quality-against-size" : "quality-against-speed" }
        var title: String { self == .size ? "Quality against size" : "Quality against speed" }
        var axis: String {
            self == .size ? "parameters left, % (further left: smaller)" : "times as fast (further right: faster)"
        }
        var field: String { self == .size ? "parameters_left" : "speed_ratio" }
        var dense: Double { self == .size ? 100 : 1 }
        /// Worse values are larger.
        func burden(_ x: Double) -> Double { self == .size ? x : -x }
    }

    /// - Parameter points: a run's number, its name, what it costs and its perplexity over the dense model's.
    /// - Returns: nil without a point that is a number. A line joins runs that no other beats in both.
    static func pareto(_ points: [(index: Int, name: String, x: Double, y: Double)], _ cost: Cost) -> Chart? {
        let points = points.filter { $0.x.isFinite && abs($0.y) < 1e9 }
        guard !points.isEmpty else { return nil }
        let x = Scale(points.map(\.x) + [cost.dense], margin: 0.08, start: 60, end: width - 20)
        let y = Scale(points.map(\.y) + [1], margin: 0.1, start: height - 48, end: 34)
        var body = axes(x, y, (cost.axis, "perplexity, times the dense model's (lower: better)"))
        let all: [(x: Double, y: Double)] = points.map { ($0.x, $0.y) } + [(cost.dense, 1)]
        func isBeaten(_ point: (x: Double, y: Double), by other: (x: Double, y: Double)) -> Bool {
            let (a, b) = (cost.burden(other.x), cost.burden(point.x))
            return (a < b && other.y <= point.y) || (a <= b && other.y < point.y)
        }
        let front = all.filter { point in !all.contains { isBeaten(point, by: $0) } }.sorted { $0.x < $1.x }
        let path = front.map { "\(f(x.point($0.x))),\(f(y.point($0.y)))" }.joined(separator: " ")
        body += "<polyline class=\"front\" points=\"\(path)\"/>"
        let (denseX, denseY) = (x.point(cost.dense), y.point(1))
        body += dot("dense", denseX, denseY, title: "dense")
        let isDenseRight = denseX > width * 0.8
        body += label("label", denseX + (isDenseRight ? -10 : 10), denseY + 16, isDenseRight ? .end : .start, "dense")
        var labels: [(x: Double, y: Double)] = []
        for point in points {
            let (px, py) = (x.point(point.x), y.point(point.y))
            let isRight = px > width * 0.7
            body += dot(
                "c\(point.index % colours)", px, py,
                title: "\(HTML.name(point.name)): \(Figure.fixed(point.x, 2)), \(Figure.fixed(point.y, 3))")
            // Below those that it would cover.
            var place = (x: px + (isRight ? -10 : 10), y: py - 8)
            while labels.contains(where: { abs($0.x - place.x) < 60 && abs($0.y - place.y) < 14 }), place.y < height {
                place.y += 14
            }
            labels.append(place)
            body += label("label", place.x, place.y, isRight ? .end : .start, HTML.text(point.name, limit: 28))
        }
        let values: [JSONValue] = points.map {
            .object([
                "run": .string(HTML.plainName($0.name)), cost.field: .double($0.x), "perplexity_ratio": .double($0.y),
            ])
        }
        return Chart(
            name: cost.name, svg: frame(cost.title, body),
            specification: Specification.view(
                "point", values: values,
                [
                    ("x", Specification.axis(cost.field, .quantitative, title: cost.axis, fromZero: false)),
                    (
                        "y",
                        Specification.axis(
                            "perplexity_ratio", .quantitative, title: "perplexity, times the dense model's",
                            fromZero: false)
                    ), ("color", Specification.axis("run", .nominal)),
                ]))
    }
}
