import Gate
import JSONText

extension Charts {
    /// Points of the training curve: means of as many steps as make so few.
    private static let trainingPoints = 200

    /// The loss while a recovery trained, and on the held-out sequences.
    static func recovery(_ run: PublishedRun) -> Chart? {
        guard let recovery = run.recovery?.losses else { return nil }
        func isShown(_ point: RecoveryLosses.Point) -> Bool { abs(point.loss) < 1e9 }
        let heldOut = recovery.heldOut.filter(isShown)
        guard heldOut.count > 1 else { return nil }
        let training = means(recovery.training.filter(isShown))
        let all = heldOut + training
        let x = Scale(all.map { Double($0.step) }, margin: 0.02, start: 60, end: width - 20)
        let y = Scale(all.map(\.loss), margin: 0.1, start: height - 48, end: 34)
        var body = axes(x, y, ("step", "loss in nats a token (lower: better)"), isXWhole: true)
        func path(_ points: [RecoveryLosses.Point]) -> String {
            points.map { "\(f(x.point(Double($0.step)))),\(f(y.point($0.loss)))" }.joined(separator: " ")
        }
        if training.count > 1 { body += "<polyline class=\"curve faint\" points=\"\(path(training))\"/>" }
        body += "<polyline class=\"curve\" points=\"\(path(heldOut))\"/>"
        for point in heldOut {
            body += dot(
                point.step == recovery.bestStep ? "c1" : "c0", x.point(Double(point.step)), y.point(point.loss),
                radius: 4,
                title: "step \(point.step), held out: \(Figure.fixed(point.loss, 4))"
                    + (point.step == recovery.bestStep ? ", written" : ""))
        }
        func values(_ points: [RecoveryLosses.Point], _ kind: String) -> [JSONValue] {
            points.map {
                .object(["step": .integer($0.step), "sequences": .string(kind), "loss": .double($0.loss)])
            }
        }
        return Chart(
            name: "recovery", svg: frame("Training after pruning", body),
            specification: Specification.view(
                "line", values: values(heldOut, "held out") + values(training, "trained on"),
                [
                    ("x", Specification.axis("step", .quantitative)),
                    ("y", Specification.axis("loss", .quantitative, title: "nats a token", fromZero: false)),
                    ("color", Specification.axis("sequences", .nominal)),
                ]))
    }

    private static func means(_ points: [RecoveryLosses.Point]) -> [RecoveryLosses.Point] {
        let size = max(1, (points.count + trainingPoints - 1) / trainingPoints)
        return stride(from: 0, to: points.count, by: size).map { start in
            let part = points[start..<min(start + size, points.count)]
            let mean = part.reduce(0) { $0 + $1.loss } / Double(part.count)
            return RecoveryLosses.Point(step: part[part.startIndex + part.count / 2].step, loss: mean)
        }
    }
}
