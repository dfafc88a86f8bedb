import JSONText

extension Charts {
    /// What each layer lost: a row for each kind of linear and a column for each layer, first how much of it is gone,
    /// then how far its output is from the dense one's; and the layer's own error below.
    static func heatMap(_ run: PublishedRun) -> Chart? {
        let blocks = run.blocks
        let removed = Field(
            rows: linears(blocks.map(\.sparsity)), values: blocks.map { by($0.sparsity) }, most: 1, member: "removed",
            ends: ("0 %", "100 % removed")
        ) { "\(Figure.percent($0)) removed" }
        guard !removed.rows.isEmpty else { return nil }
        let measured = blocks.flatMap(\.linearErrors).map(\.value).filter(\.isFinite)
        let most = measured.max() ?? 0
        let errors = Field(
            rows: most > 0 ? linears(blocks.map(\.linearErrors)) : [], values: blocks.map { by($0.linearErrors) },
            most: most, member: "linear_error", ends: ("0", "error \(Figure.fixed(most, 3))")
        ) { "error \(Figure.fixed($0, 4))" }

        let grid = Grid(columns: blocks.count)
        var body = ""
        var values: [JSONValue] = []
        var base = grid.top
        for field in [removed, errors] where !field.rows.isEmpty {
            body += grid.cells(field, at: base, into: &values)
            base += Double(field.rows.count) * grid.rowHeight
            body += key(field, at: base + 6)
            base += 26
        }
        let layers = blocks.map { $0.errorAfter ?? .nan }
        if let most = layers.filter(\.isFinite).max(), most > 0 {
            base += 60
            body += label("tick", grid.left - 6, base - 20, .end, "layer")
            for (column, error) in layers.enumerated() where error.isFinite {
                let bar = error / most * 46
                body += rectangle(
                    "bar", x: grid.x(column), y: base - bar, width: grid.cell - 0.5, height: bar,
                    title: "layer \(column): error \(Figure.fixed(error, 4))")
                values.append(.object(["layer": .integer(column), "error": .double(error)]))
            }
        }
        for column in stride(from: 0, to: blocks.count, by: max(1, blocks.count / 8)) {
            body += label("tick", grid.x(column) + grid.cell / 2, base + 16, .middle, "\(column)")
        }
        body += label("axis", grid.left, base + 36, .start, "layer")
        return Chart(
            name: "layers", svg: frame("What each layer lost", height: base + 44, body),
            specification: Specification.composed("vconcat", values: values, views(hasErrors: !errors.rows.isEmpty)))
    }

    /// One coloured value for each linear of each layer.
    private struct Field {
        var rows: [String]
        /// By layer and linear.
        var values: [[String: Double]]
        /// What the full colour stands for.
        var most: Double
        /// Of the specification's values.
        var member: String
        /// The key's ends.
        var ends: (String, String)
        var words: (Double) -> String
    }

    private struct Grid {
        let left = 72.0
        let top = 10.0
        let rowHeight = 22.0
        let cell: Double

        init(columns: Int) { cell = (Charts.width - left - 10) / Double(max(1, columns)) }

        func x(_ column: Int) -> Double { left + Double(column) * cell }

        func cells(_ field: Field, at top: Double, into values: inout [JSONValue]) -> String {
            var body = ""
            for (row, linear) in field.rows.enumerated() {
                let y = top + Double(row) * rowHeight
                body += label("tick", left - 6, y + 15, .end, HTML.text(linear, limit: 10))
                for (column, byLinear) in field.values.enumerated() {
                    guard let value = byLinear[linear], value.isFinite else { continue }
                    let (width, height) = (cell - 0.5, rowHeight - 1)
                    body += "<rect class=\"ground\" x=\"\(f(x(column)))\" y=\"\(f(y))\" width=\"\(f(width))\" "
                    body += "height=\"\(f(height))\"/>"
                    body += rectangle(
                        "heat", x: x(column), y: y, width: width, height: height,
                        opacity: min(1, max(0, value / field.most)),
                        title: "layer \(column), \(HTML.name(linear)): \(field.words(value))")
                    values.append(
                        .object([
                            "layer": .integer(column), "linear": .string(HTML.plainName(linear)),
                            field.member: .double(value),
                        ]))
                }
            }
            return body
        }
    }

    /// The names of the layer that has most of them.
    private static func linears(_ layers: [[(linear: String, value: Double)]]) -> [String] {
        layers.max { $0.count < $1.count }?.map(\.linear) ?? []
    }

    private static func by(_ list: [(linear: String, value: Double)]) -> [String: Double] {
        Dictionary(list.map { ($0.linear, $0.value) }) { first, _ in first }
    }

    /// The colours' meaning.
    private static func key(_ field: Field, at y: Double) -> String {
        let (start, part) = (width - 280, 12.0)
        var body =
            label("tick", start - 6, y + 9, .end, field.ends.0)
            + label("tick", start + 126, y + 9, .start, field.ends.1)
        for step in 0...9 {
            let x = start + Double(step) * part
            body += "<rect class=\"ground\" x=\"\(f(x))\" y=\"\(f(y))\" width=\"\(f(part))\" height=\"10.0\"/>"
            body += "<rect class=\"heat\" x=\"\(f(x))\" y=\"\(f(y))\" width=\"\(f(part))\" height=\"10.0\" "
            body += "fill-opacity=\"\(Figure.fixed(Double(step) / 9, 2))\"/>"
        }
        return body
    }

    private static func views(hasErrors: Bool) -> [JSONValue] {
        func map(_ member: String) -> JSONValue {
            Specification.view(
                "rect", with: member,
                [
                    ("x", Specification.axis("layer", .ordinal)), ("y", Specification.axis("linear", .nominal)),
                    ("color", Specification.axis(member, .quantitative)),
                ])
        }
        return [map("removed")] + (hasErrors ? [map("linear_error")] : []) + [
            Specification.view(
                "bar", with: "error",
                [("x", Specification.axis("layer", .ordinal)), ("y", Specification.axis("error", .quantitative))])
        ]
    }
}
