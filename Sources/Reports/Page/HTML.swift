import Faults
import Gate

/// Text that cannot become markup, whatever is in it.
enum HTML {
    /// Names and texts longer than this are cut: a report is for reading.
    static let longest = 4000
    static let longestName = 80

    /// The text with what HTML gives a meaning to replaced, and what cannot be seen.
    static func text(_ text: String, limit: Int = longest) -> String {
        var result = ""
        for scalar in LegibleText.lines(text, limit: limit).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A name in a table or a chart.
    static func name(_ text: String) -> String { HTML.text(plainName(text)) }

    /// The same for a chart's specification, which is no HTML.
    static func plainName(_ text: String) -> String { LegibleText.of(text, limit: longestName) }

    static func table(_ head: [String], _ rows: [[String]], class name: String = "") -> String {
        func row(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\($0)</\(tag)>" }.joined() + "</tr>"
        }
        return "<div class=\"scroll\"><table class=\"\(name)\"><thead>" + row(head, "th") + "</thead><tbody>"
            + rows.map { row($0, "td") }.joined(separator: "\n") + "</tbody></table></div>"
    }

    /// - Parameter lead: markup.
    static func section(_ id: String, _ title: String, _ body: String, lead: String = "") -> String {
        "<section id=\"\(id)\"><h2>\(title)</h2>" + (lead.isEmpty ? "" : "<p class=\"lead\">\(lead)</p>") + body
            + "</section>\n"
    }
}
