import JSONText

extension Charts {
    /// What quality is compared with.
    enum Cost {
        /// Weights neither removed nor zero, %: less was kept.
        case weights
        /// Weight files, % of the dense model's: less is better.
        case size
        /// Times as fast as the dense model: more is better.
        case speed
        /// The same, of servers.
        case servedSpeed

        var name: String {
            switch self {
            case .weights: "quality-against-weights"
            case .size: "quality-against-size"
            case .speed, .servedSpeed: "quality-against-speed"
            }
        }
        var title: String {
            switch self {
            case .weights: "Quality against weights that are left"
            case .size: "Quality against file size"
            case .speed: "Quality against speed in Espalier's engine"
            case .servedSpeed: "Quality against speed on a server"
            }
        }
        var axis: String {
            switch self {
            case .weights: "weights neither removed nor zero, %"
            case .size: "weight files, % of the dense model's"
            case .speed: "times as fast, in Espalier's engine"
            case .servedSpeed: "times as fast, on a server where one was measured"
            }
        }
        var field: String {
            switch self {
            case .weights: "weights_left"
            case .size: "weight_files"
            case .speed, .servedSpeed: "speed_ratio"
            }
        }
        private var isSpeed: Bool { self == .speed || self == .servedSpeed }
        var dense: Double { isSpeed ? 1 : 100 }
        /// Worse values are larger.
        func burden(_ x: Double) -> Double { isSpeed ? -x : x }
    }

    /// A run in the picture.
    struct Point {
        /// The run's number, for its colour.
        var index: Int
        var name: String
        /// What it costs, and what the repeats of its measurement leave open.
        var x: Double
        var range: ClosedRange<Double>?
        /// Perplexity over the dense model's.
        var y: Double
    }

    /// More than these are not named beside the picture; all are in the table.
    static let mostLabels = 40
    /// Characters of a name there.
    private static let longestLabel = 18

    /// - Returns: nil without a point that is a number. A line joins models that no other beats in both, the dense one
    ///   among them; it is left out where a point's range holds the dense model's cost, because then nobody knows who
    ///   beats whom.
    static func pareto(_ points: [Point], _ cost: Cost) -> Chart? {
        let points = points.filter { $0.x.isFinite && abs($0.y) < 1e9 }
        guard !points.isEmpty else { return nil }
        let named = points.prefix(mostLabels)
        let height = max(Charts.height, 100 + LabelColumn.spacing * Double(named.count + 1))
        // A range may be many times the value: the axis shows twice of the largest at most.
        let most = 2 * (points.map(\.x) + [cost.dense]).reduce(0) { max($0, $1) }
        let ends = points.flatMap { point in point.range.map { [$0.lowerBound, min(most, $0.upperBound)] } ?? [] }
        let x = Scale(points.map(\.x) + ends + [cost.dense], margin: 0.08, start: 60, end: width - 200)
        let y = Scale(points.map(\.y) + [1], margin: 0.1, start: height - 48, end: 34)
        var body = axes(x, y, (cost.axis, "perplexity, times the dense model's (lower: better)"))
        let isClear = points.allSatisfy { $0.range?.contains(cost.dense) != true }
        let path = front(points, cost).map { "\(f(x.point($0.x))),\(f(y.point($0.y)))" }
        if isClear, path.count > 1 {
            body += "<polyline class=\"front\" points=\"\(path.joined(separator: " "))\"/>"
        }
        // What has a name: where it is, the name as markup, and the colour.
        var marks = [(x: x.point(cost.dense), y: y.point(1), text: "dense", colour: "dense")]
        for point in points {
            guard let range = point.range else { continue }
            let (start, end) = (x.point(range.lowerBound), min(x.point(range.upperBound), x.end))
            body += line("range", (start, end), (y.point(point.y), y.point(point.y)))
        }
        var dots = dot("dense", marks[0].x, marks[0].y, title: "dense")
        for (number, point) in points.enumerated() {
            let (px, py, colour) = (x.point(point.x), y.point(point.y), "c\(point.index % colours)")
            dots += dot(
                colour, px, py,
                title: "\(HTML.name(point.name)): \(Figure.fixed(point.x, 2)), \(Figure.fixed(point.y, 3))")
            guard number < mostLabels else { continue }
            marks.append((px, py, HTML.text(point.name, limit: longestLabel), colour))
        }
        // By height; of the same height the further right above, whose leader is then crossed by none.
        marks.sort { ($0.y, -$0.x) < ($1.y, -$1.x) }
        let heights = LabelColumn.heights(marks.map(\.y), in: y.end...y.start)
        for (mark, labelHeight) in zip(marks, heights) {
            body += line("leader", (mark.x, x.end + 6), (mark.y, labelHeight))
            dots += dot(mark.colour, x.end + 12, labelHeight, radius: 4, title: mark.text)
            dots += label("label", x.end + 21, labelHeight + 4, .start, mark.text)
        }
        body += dots
        return Chart(
            name: cost.name, title: cost.title, svg: frame(cost.title, height: height, body),
            specification: specification(points, cost))
    }

    /// Models that no other beats in both, from left to right.
    private static func front(_ points: [Point], _ cost: Cost) -> [(x: Double, y: Double)] {
        let all: [(x: Double, y: Double)] = points.map { ($0.x, $0.y) } + [(cost.dense, 1)]
        func isBeaten(_ point: (x: Double, y: Double), by other: (x: Double, y: Double)) -> Bool {
            let (a, b) = (cost.burden(other.x), cost.burden(point.x))
            return (a < b && other.y <= point.y) || (a <= b && other.y < point.y)
        }
        return all.filter { point in !all.contains { isBeaten(point, by: $0) } }.sorted { $0.x < $1.x }
    }

    private static func specification(_ points: [Point], _ cost: Cost) -> JSONValue {
        let values: [JSONValue] = points.map {
            .object([
                "run": .string(HTML.plainName($0.name)), cost.field: .double($0.x), "perplexity_ratio": .double($0.y),
                "least": .double($0.range?.lowerBound ?? $0.x), "most": .double($0.range?.upperBound ?? $0.x),
            ])
        }
        let y = Specification.axis(
            "perplexity_ratio", .quantitative, title: "perplexity, times the dense model's", fromZero: false)
        let run = Specification.axis("run", .nominal)
        return Specification.composed(
            "layer", values: values,
            [
                Specification.view(
                    "point",
                    [
                        ("x", Specification.axis(cost.field, .quantitative, title: cost.axis, fromZero: false)),
                        ("y", y), ("color", run),
                    ]),
                Specification.view(
                    "rule",
                    [
                        ("x", Specification.axis("least", .quantitative)), ("x2", .object(["field": .string("most")])),
                        ("y", y), ("color", run),
                    ]),
            ])
    }
}
