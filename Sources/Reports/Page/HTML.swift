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

    /// On a narrow screen a row becomes a card, where each cell bears the name of its column.
    ///
    /// - Parameter head: markup without quotes.
    static func table(_ head: [String], _ rows: [[String]], class name: String = "") -> String {
        func row(_ cells: [String]) -> String {
            let columns = zip(cells, head).map { "<td data-label=\"\($1)\">\($0)</td>" }
            return "<tr>" + columns.joined() + "</tr>"
        }
        return "<div class=\"scroll\"><table class=\"\(name)\"><thead><tr>"
            + head.map { "<th>\($0)</th>" }.joined() + "</tr></thead><tbody>"
            + rows.map(row).joined(separator: "\n") + "</tbody></table></div>"
    }

    /// - Parameter lead: markup.
    static func section(_ id: String, _ title: String, _ body: String, lead: String = "") -> String {
        "<section id=\"\(id)\"><h2>\(title)</h2>" + (lead.isEmpty ? "" : "<p class=\"lead\">\(lead)</p>") + body
            + "</section>\n"
    }
}
