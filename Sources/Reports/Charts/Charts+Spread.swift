import JSONText

extension Charts {
    /// Runs of one setting as dots on a line each, with their mean: how much seed and calibration text alone change.
    static func spread(_ groups: [RunGroup]) -> Chart? {
        let groups = groups.filter { !$0.values.isEmpty }
        guard !groups.isEmpty else { return nil }
        let rowHeight = 82.0
        let bottom = 10 + rowHeight * Double(groups.count)
        let x = Scale(groups.flatMap { $0.members.compactMap(\.value) }, margin: 0.08, start: 20, end: width - 20)
        var body = ""
        for tick in x.ticks {
            body += line("grid", (x.point(tick), x.point(tick)), (4, bottom))
            body += label("tick", x.point(tick), bottom + 16, .middle, Figure.fixed(tick, x.digits))
        }
        var values: [JSONValue] = []
        for (row, group) in groups.enumerated() {
            let y = 10 + rowHeight * Double(row) + 62
            // The whole setting above its dots: what tells two settings apart often stands at its end.
            body += label("tick", 8, y - 42, .start, HTML.text(group.setting, limit: 64))
            body += label("tick", 8, y - 22, .start, HTML.text(group.sources, limit: 64))
            let mean = x.point(group.mean)
            body += line("mean", (mean, mean), (y - 11, y + 11))
            for member in group.members {
                guard let value = member.value else { continue }
                body += dot(
                    "c\(row % colours)", x.point(value), y, radius: 5,
                    title: "\(HTML.name(member.name)), seed \(member.seed): \(Figure.fixed(value, 2))")
                values.append(
                    .object([
                        "setting": .string(HTML.plainName(group.setting)),
                        "calibration": .string(HTML.plainName(group.sources)),
                        "run": .string(HTML.plainName(member.name)), "seed": .string(member.seed),
                        "perplexity": .double(value),
                    ]))
            }
        }
        body += label("axis", (x.start + x.end) / 2, bottom + 36, .middle, "perplexity (further left: better)")
        return Chart(
            name: "spread", svg: frame("Spread over seeds and calibration texts", height: bottom + 46, body),
            specification: Specification.view(
                "point", values: values,
                [
                    ("x", Specification.axis("perplexity", .quantitative, fromZero: false)),
                    ("y", Specification.axis("calibration", .nominal)),
                    ("color", Specification.axis("setting", .nominal)),
                ]))
    }
}
