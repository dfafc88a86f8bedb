/// Text that cannot become markup, whatever is in it.
enum HTML {
    /// Names and texts longer than this are cut: a report is for reading.
    static let longest = 4000

    /// The text with what HTML gives a meaning to replaced, and control characters shown as a replacement.
    static func text(_ text: String, limit: Int = longest) -> String {
        var result = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            guard count < limit else { return result + " …" }
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                // Marks that turn the direction of the text around them.
                let turns = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
                result.unicodeScalars.append(isControl || turns ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }

    /// A name in a table or a chart.
    static func name(_ text: String) -> String { HTML.text(text, limit: 80) }

    static func table(_ head: [String], _ rows: [[String]], class name: String = "") -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\($0)</\(tag)>" }.joined() + "</tr>"
        }
        return "<div class=\"scroll\"><table class=\"\(name)\"><thead>" + row(head, "th") + "</thead><tbody>"
            + rows.map { row($0, "td") }.joined(separator: "\n") + "</tbody></table></div>"
    }

    static func section(_ title: String, _ body: String, lead: String = "") -> String {
        "<section><h2>\(title)</h2>" + (lead.isEmpty ? "" : "<p class=\"lead\">\(lead)</p>") + body + "</section>\n"
    }
}

/// Numbers as people read them.
enum Figure {
    static func fixed(_ value: Double?, _ digits: Int) -> String {
        guard let value, value.isFinite else { return "–" }
        if abs(value) >= 1e9 { return "> 10⁹" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (abs(value) * scale).rounded()
        var text = String(Int(rounded / scale))
        if digits > 0 {
            let rest = String(Int(rounded.truncatingRemainder(dividingBy: scale)))
            text += "." + String(repeating: "0", count: digits - rest.count) + rest
        }
        return (value < 0 && rounded > 0 ? "−" : "") + text
    }

    static func percent(_ value: Double?, _ digits: Int = 1) -> String {
        value.map { fixed($0 * 100, digits) + " %" } ?? "–"
    }

    static func count(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (value < 0 ? "−" : "") + ([digits] + groups).joined(separator: ",")
    }
}
