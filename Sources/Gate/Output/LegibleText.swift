import Foundation

/// Text of others made fit for one line: names in results can be a megabyte long or hold line breaks and escapes.
package enum LegibleText {
    package static let longest = 200

    /// At most `limit` characters; what is no visible character becomes a blank or U+FFFD.
    package static func of(_ text: String, limit: Int = longest) -> String {
        var shown = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == limit { return shown + "…" }
            switch scalar.properties.generalCategory {
            // Direction marks among the format characters make a line read as another one.
            case .control, .format, .privateUse, .unassigned, .surrogate:
                shown.unicodeScalars.append(scalar == "\n" || scalar == "\t" || scalar == "\r" ? " " : "\u{FFFD}")
            case .lineSeparator, .paragraphSeparator, .spaceSeparator: shown.unicodeScalars.append(" ")
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// Six significant digits.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "infinity" : "-infinity" }
        return String(format: "%.6g", value)
    }
}
