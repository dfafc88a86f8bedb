/// Text of others made fit for people's eyes: names in files can be a megabyte long, hold escapes that a terminal
/// obeys, or marks without a width that make two names look the same.
package enum LegibleText {
    package static let longest = 200

    /// At most `limit` characters on one line; what cannot be seen becomes U+FFFD, a line break `lineBreak`.
    package static func of(_ text: String, limit: Int = longest, lineBreak: Unicode.Scalar = " ") -> String {
        var shown = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            if count == limit { return String(shown) + "…" }
            shown.append(visible(scalar, lineBreak: lineBreak))
            count += 1
        }
        return String(shown)
    }

    /// A text of several lines, of at most `limit` characters, with what a terminal or a browser would obey replaced;
    /// joiners, which scripts need, stay.
    package static func lines(_ text: String, limit: Int = .max) -> String {
        var shown = String.UnicodeScalarView()
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == limit { return String(shown) + "…" }
            let stays = ["\n", "\t", "\u{200C}", "\u{200D}"].contains(scalar)
            shown.append(stays ? scalar : visible(scalar, lineBreak: "\n"))
        }
        return String(shown)
    }

    private static func visible(_ scalar: Unicode.Scalar, lineBreak: Unicode.Scalar) -> Unicode.Scalar {
        if scalar.isASCII, scalar.value >= 0x20, scalar.value != 0x7F { return scalar }
        switch scalar.properties.generalCategory {
        // Direction marks, tags and joiners among the format characters make a line read as another one.
        case .control, .format, .privateUse, .unassigned, .surrogate:
            if scalar == "\n" { return lineBreak }
            return lineBreak == " " && (scalar == "\t" || scalar == "\r") ? " " : "\u{FFFD}"
        case .lineSeparator, .paragraphSeparator: return lineBreak
        case .spaceSeparator: return " "
        default: return scalar
        }
    }
}
