/// A verdict as Markdown, for a merge request's comment or a pipeline's summary.
public enum MarkdownSummary {
    public static func text(_ verdict: GateVerdict) -> String {
        var lines = [
            "## Quality gate, stage \(escaped(verdict.stage)): \(verdict.headline)", "",
            "| rule | for | result | limit | reason |",
            "| --- | --- | --- | --- | --- |",
        ]
        for check in verdict.checks {
            let cells = [check.rule, check.subject, check.outcome.rawValue, check.limit, check.reason]
            lines.append("| " + cells.map(escaped).joined(separator: " | ") + " |")
        }
        if !verdict.notes.isEmpty { lines.append("") }
        lines += verdict.notes.map { "- \(escaped($0))" }
        return (lines + [""]).joined(separator: "\n")
    }

    /// Text that stands in a table's cell as it is: no markup, HTML, link, mention or line break comes of it.
    package static func escaped(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        func isWord(_ index: Int) -> Bool {
            scalars.indices.contains(index) && scalars[index].isASCII && scalars[index].properties.isAlphabetic
                || scalars.indices.contains(index) && ("0"..."9").contains(scalars[index])
        }
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", " ", ".", ",", "%", "+", "-", "=", "(", ")", ";", "?", "/":
                result.unicodeScalars.append(scalar)
            // Within a word an underscore is no emphasis, and before a blank a colon is no part of an address.
            case "_" where isWord(index - 1) && isWord(index + 1): result += "_"
            case ":" where index + 1 < scalars.count && scalars[index + 1] == " ": result += ":"
            case "\n", "\r", "\t": result += " "
            // A mention is looked for in the text that the entities stand for.
            case "@": result += "@\u{2060}"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": result += "\u{FFFD}"
            case "\u{21}"..."\u{7E}": result += "&#\(scalar.value);"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result.replacing("www.", with: "www&#46;")
    }
}
