/// Undoes WikiText's tokenisation, step by step as lm-evaluation-harness does, its oddities included: the figures are
/// comparable only when the text is the same.
enum Detokenizer {
    static func text(_ page: String) -> String {
        var text = page
        func replace(_ old: String, _ new: String) { text = PythonText.replacing(old, with: new, in: text) }
        // Contractions.
        replace("s '", "s'")
        for digit in 0...9 { replace("/' \(digit)/", "/'[0-9]/") }
        // Separators in numbers.
        replace(" @-@ ", "-")
        replace(" @,@ ", ",")
        replace(" @.@ ", ".")
        // Punctuation.
        for mark in [":", ";", ".", "!", "?", ","] { replace(" \(mark) ", "\(mark) ") }
        // White space inside of brackets and quotes.
        for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("\"", "\""), ("'", "'")] as [Pair] {
            text = tightened(text, open, close)
        }
        // The rest.
        replace("= = = =", "====")
        replace("= = =", "===")
        replace("= =", "==")
        replace(" \u{B0} ", "\u{B0}")
        replace(" \n", "\n")
        replace("\n ", "\n")
        replace(" N ", " 1 ")
        replace(" 's", "'s")
        return text
    }

    private typealias Pair = (Unicode.Scalar, Unicode.Scalar)

    /// Each `open`, text up to the next `close`, and `close`, with the white space at both ends of the text dropped.
    private static func tightened(_ text: String, _ open: Unicode.Scalar, _ close: Unicode.Scalar) -> String {
        let scalars = text.unicodeScalars
        var result = String.UnicodeScalarView()
        var rest = scalars[...]
        while let start = rest.firstIndex(of: open) {
            let inner = rest[rest.index(after: start)...]
            guard let end = inner.firstIndex(of: close) else { break }
            result += rest[...start]
            result += PythonText.stripped(String(inner[..<end])).unicodeScalars
            result.append(close)
            rest = rest[rest.index(after: end)...]
        }
        result += rest
        return String(result)
    }
}
