import JSONText

extension Charts {
    /// What each layer lost: a row for each kind of linear, a column for each layer, and the layer's error below.
    static func heatMap(_ run: PublishedRun) -> Chart? {
        let linears = run.blocks.max { $0.sparsity.count < $1.sparsity.count }?.sparsity.map(\.linear) ?? []
        guard !linears.isEmpty else { return nil }
        let (left, top, rowHeight) = (72.0, 10.0, 22.0)
        let cell = (width - left - 10) / Double(run.blocks.count)
        let columns = run.blocks.indices.map { left + Double($0) * cell }
        var body = ""
        var values: [JSONValue] = []
        for (row, linear) in linears.enumerated() {
            let y = top + Double(row) * rowHeight
            body += label("tick", left - 6, y + 15, .end, HTML.text(linear, limit: 10))
            for (column, block) in run.blocks.enumerated() {
                guard let fraction = block.sparsity.first(where: { $0.linear == linear })?.fraction, fraction.isFinite
                else { continue }
                let share = min(1, max(0, fraction))
                let title = "layer \(column), \(HTML.name(linear)): \(Figure.percent(fraction)) removed"
                let (width, height) = (cell - 0.5, rowHeight - 1)
                body += "<rect class=\"ground\" x=\"\(f(columns[column]))\" y=\"\(f(y))\" width=\"\(f(width))\" "
                body += "height=\"\(f(height))\"/>"
                body += rectangle(
                    "heat", x: columns[column], y: y, width: width, height: height, opacity: share, title: title)
                values.append(
                    .object([
                        "layer": .integer(column), "linear": .string(HTML.plainName(linear)),
                        "removed": .double(fraction),
                    ]))
            }
        }
        var base = top + Double(linears.count) * rowHeight
        let errors = run.blocks.map { $0.errorAfter ?? .nan }
        if let most = errors.filter(\.isFinite).max(), most > 0 {
            base += 60
            body += label("tick", left - 6, base - 20, .end, "error")
            for (column, error) in errors.enumerated() where error.isFinite {
                let bar = error / most * 46
                body += rectangle(
                    "bar", x: columns[column], y: base - bar, width: cell - 0.5, height: bar,
                    title: "layer \(column): error \(Figure.fixed(error, 4))")
                values.append(.object(["layer": .integer(column), "error": .double(error)]))
            }
        }
        for column in stride(from: 0, to: run.blocks.count, by: max(1, run.blocks.count / 8)) {
            body += label("tick", columns[column] + cell / 2, base + 16, .middle, "\(column)")
        }
        body += label("axis", left, base + 36, .start, "layer") + key(at: base + 27)
        return Chart(
            name: "layers", svg: frame("What each layer lost", height: base + 44, body),
            specification: Specification.composed("vconcat", values: values, views))
    }

    /// The colours' meaning.
    private static func key(at y: Double) -> String {
        let (start, part) = (width - 280, 12.0)
        var body =
            label("tick", start - 6, y + 9, .end, "0 %") + label("tick", start + 126, y + 9, .start, "100 % removed")
        for step in 0...9 {
            let x = start + Double(step) * part
            body += "<rect class=\"ground\" x=\"\(f(x))\" y=\"\(f(y))\" width=\"\(f(part))\" height=\"10.0\"/>"
            body += "<rect class=\"heat\" x=\"\(f(x))\" y=\"\(f(y))\" width=\"\(f(part))\" height=\"10.0\" "
            body += "fill-opacity=\"\(Figure.fixed(Double(step) / 9, 2))\"/>"
        }
        return body
    }

    private static var views: [JSONValue] {
        [
            Specification.view(
                "rect", with: "linear",
                [
                    ("x", Specification.axis("layer", .ordinal)), ("y", Specification.axis("linear", .nominal)),
                    ("color", Specification.axis("removed", .quantitative)),
                ]),
            Specification.view(
                "bar", with: "error",
                [("x", Specification.axis("layer", .ordinal)), ("y", Specification.axis("error", .quantitative))]),
        ]
    }
}
