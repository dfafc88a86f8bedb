/// A Jinja template in one spelling, so that the same template written with other spaces or quotes is recognised.
///
/// Nothing is executed. Spaces outside string literals go, literals get single quotes and `\n` for line ends, and text
/// between tags is trimmed as the renderer of the model hub's libraries does (`trim_blocks`, `lstrip_blocks`).
enum CanonicalTemplate {
    static func text(of template: String) -> String {
        let scalars = Array(template.unicodeScalars)
        var output = ""
        var at = 0
        var afterBlock = false
        var trimsNext = false
        while at < scalars.count {
            let start = at
            while at < scalars.count, !isOpening(scalars, at) { at += 1 }
            var text = scalars[start..<at]
            if trimsNext {
                text = text.drop { $0.properties.isWhitespace }
            } else if afterBlock, text.first == "\n" {
                text = text.dropFirst()
            }
            guard at < scalars.count else {
                output += String(String.UnicodeScalarView(text))
                break
            }
            let kind = scalars[at + 1]
            let opensWithMinus = at + 2 < scalars.count && scalars[at + 2] == "-"
            if opensWithMinus {
                while text.last?.properties.isWhitespace == true { text = text.dropLast() }
            } else if kind != "{" {
                let kept = text.reversed().drop { $0 == " " || $0 == "\t" }
                if kept.isEmpty ? (start == 0 || afterBlock) : kept.first == "\n" { text = text.prefix(kept.count) }
            }
            output += String(String.UnicodeScalarView(text))
            let (tag, end, closesWithMinus) = tag(scalars, from: at + (opensWithMinus ? 3 : 2), closing: closing(kind))
            if kind != "#" { output += "{\(kind)" + tag + (kind == "{" ? "}}" : "%}") }
            at = end
            trimsNext = closesWithMinus
            afterBlock = kind != "{"
        }
        return output
    }

    private static func isOpening(_ scalars: [Unicode.Scalar], _ at: Int) -> Bool {
        guard scalars[at] == "{", at + 1 < scalars.count else { return false }
        return scalars[at + 1] == "{" || scalars[at + 1] == "%" || scalars[at + 1] == "#"
    }

    private static func closing(_ kind: Unicode.Scalar) -> Unicode.Scalar { kind == "{" ? "}" : kind }

    /// The inside of a tag without spaces, and where the tag ends.
    private static func tag(
        _ scalars: [Unicode.Scalar], from start: Int, closing: Unicode.Scalar
    ) -> (text: String, end: Int, closesWithMinus: Bool) {
        var output = String.UnicodeScalarView()
        var at = start
        while at < scalars.count {
            let scalar = scalars[at]
            if closing != "#", scalar == "'" || scalar == "\"" {
                let (literal, end) = literal(scalars, from: at)
                output.append(contentsOf: literal)
                at = end
            } else if scalar == closing, at + 1 < scalars.count, scalars[at + 1] == "}" {
                let closesWithMinus = output.last == "-"
                if closesWithMinus { output.removeLast() }
                return (String(output), at + 2, closesWithMinus)
            } else {
                if !scalar.properties.isWhitespace { output.append(scalar) }
                at += 1
            }
        }
        return (String(output), at, false)
    }

    /// A string literal in single quotes, and where it ends.
    private static func literal(
        _ scalars: [Unicode.Scalar], from start: Int
    ) -> (text: String.UnicodeScalarView, end: Int) {
        let quote = scalars[start]
        var output = String.UnicodeScalarView("'".unicodeScalars)
        var at = start + 1
        while at < scalars.count, scalars[at] != quote {
            if scalars[at] == "\\", at + 1 < scalars.count {
                if scalars[at + 1] != "\"" { output.append("\\") }
                output.append(scalars[at + 1])
                at += 2
            } else {
                if scalars[at] == "\n" {
                    output.append(contentsOf: "\\n".unicodeScalars)
                } else {
                    if scalars[at] == "'" { output.append("\\") }
                    output.append(scalars[at])
                }
                at += 1
            }
        }
        output.append("'")
        return (output, at + 1)
    }
}
