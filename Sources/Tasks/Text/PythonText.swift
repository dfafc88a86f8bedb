/// Operations on text with the meaning that Python gives them: the published prompts are defined by them.
enum PythonText {
    /// `str.isspace` of one scalar; also what `\s` matches.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    /// `str.strip()`
    static func stripped(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(scalars[first...last])
    }

    /// The text without its trailing white space, and that white space.
    static func splitTrailingSpace(_ text: String) -> (text: String, space: String) {
        let scalars = text.unicodeScalars
        guard let last = scalars.lastIndex(where: { !isSpace($0) }) else { return ("", text) }
        let end = scalars.index(after: last)
        return (String(scalars[..<end]), String(scalars[end...]))
    }

    /// `str.replace`: by code points, so that canonically equivalent texts stay apart.
    static func replacing(_ old: String, with new: String, in text: String) -> String {
        let (old, new, text) = (Array(old.utf8), Array(new.utf8), Array(text.utf8))
        guard let first = old.first else { return String(decoding: text, as: UTF8.self) }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var at = 0
        while at < text.count {
            if text[at] == first, text[at...].starts(with: old) {
                result += new
                at += old.count
            } else {
                result.append(text[at])
                at += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `str.capitalize()`: the first scalar in title case, all others in lower case.
    static func capitalized(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            if index == 0 {
                result += scalar.properties.titlecaseMapping
            } else if scalar == "\u{3A3}" {
                result.unicodeScalars.append(endsWord(scalars, index) ? "\u{3C2}" : "\u{3C3}")
            } else {
                result += scalar.properties.lowercaseMapping
            }
        }
        return result
    }

    /// Whether a sigma stands at the end of a word: a letter before it and none after, marks passed over.
    private static func endsWord(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let behind = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return before?.properties.isCased == true && behind?.properties.isCased != true
    }

    /// `len(re.split(r"\s+", text))`: empty pieces at the ends count.
    static func wordCount(_ text: String) -> Int {
        var count = 1
        var wasSpace = false
        for scalar in text.unicodeScalars {
            let space = isSpace(scalar)
            if space, !wasSpace { count += 1 }
            wasSpace = space
        }
        return count
    }
}
