import JSONText

/// A picture for the page, and the same as a Vega-Lite specification for those who want to draw it themselves.
struct Chart {
    var name: String
    /// Above the picture where a section has several.
    var title = ""
    var svg: String
    var specification: JSONValue
}

/// The pictures of a page; each stands in a file of its own.
enum Charts {
    static let (width, height) = (640.0, 300.0)
    static let colours = 6

    /// A coordinate.
    static func f(_ value: Double) -> String { Figure.fixed(value, 1).replacing("−", with: "-") }

    static func frame(_ title: String, height: Double = height, _ body: String) -> String {
        "<div class=\"scroll\"><svg viewBox=\"0 0 \(f(width)) \(f(height))\" role=\"img\" "
            + "aria-label=\"\(HTML.text(title))\">"
            + "<title>\(HTML.text(title))</title>\(body)</svg></div>"
    }

    enum Anchor: String {
        case start
        case middle
        case end
    }

    /// - Parameter text: markup.
    static func label(_ kind: String, _ x: Double, _ y: Double, _ anchor: Anchor, _ text: String) -> String {
        "<text class=\"\(kind)\" x=\"\(f(x))\" y=\"\(f(y))\" text-anchor=\"\(anchor.rawValue)\">\(text)</text>"
    }

    static func line(_ kind: String, _ x: (Double, Double), _ y: (Double, Double)) -> String {
        "<line class=\"\(kind)\" x1=\"\(f(x.0))\" x2=\"\(f(x.1))\" y1=\"\(f(y.0))\" y2=\"\(f(y.1))\"/>"
    }

    /// - Parameter title: markup, shown when the pointer rests on it.
    static func dot(_ kind: String, _ x: Double, _ y: Double, radius: Double = 6, title: String) -> String {
        "<circle class=\"\(kind)\" cx=\"\(f(x))\" cy=\"\(f(y))\" r=\"\(f(radius))\"><title>\(title)</title></circle>"
    }

    static func rectangle(
        _ kind: String, x: Double, y: Double, width: Double, height: Double, opacity: Double = 1, title: String
    ) -> String {
        let fill = opacity < 1 ? " fill-opacity=\"\(Figure.fixed(max(0, opacity), 3))\"" : ""
        return "<rect class=\"\(kind)\" x=\"\(f(x))\" y=\"\(f(y))\" width=\"\(f(max(0, width)))\" "
            + "height=\"\(f(max(0, height)))\"\(fill)><title>\(title)</title></rect>"
    }

    static func axes(_ x: Scale, _ y: Scale, _ names: (x: String, y: String), isXWhole: Bool = false) -> String {
        var body = ""
        for tick in y.ticks {
            body += line("grid", (x.start, x.end), (y.point(tick), y.point(tick)))
            body += label("tick", x.start - 6, y.point(tick) + 4, .end, Figure.fixed(tick, y.digits))
        }
        for tick in x.ticks where !isXWhole || tick == tick.rounded() {
            body += label("tick", x.point(tick), y.start + 16, .middle, Figure.fixed(tick, isXWhole ? 0 : x.digits))
        }
        body += label("axis", (x.start + x.end) / 2, y.start + 36, .middle, HTML.text(names.x))
        body += label("axis", 8, y.end - 12, .start, HTML.text(names.y))
        return body
    }
}
