/// A text as YAML: plain where every reader takes it for the same text, else in double quotes.
enum CardScalar {
    private static let words: Set<String> = ["yes", "no", "true", "false", "null", "on", "off", "y", "n", "nan", "inf"]

    static func text(_ text: String) -> String {
        let scalars = text.unicodeScalars
        func isLetter(_ scalar: Unicode.Scalar) -> Bool { scalar.isASCII && scalar.properties.isAlphabetic }
        let isPlain = scalars.allSatisfy {
            isLetter($0) || ("0"..."9").contains($0) || "-_./+".unicodeScalars.contains($0)
        }
        // A first letter: what begins with a digit may be a number or a date.
        if isPlain, let first = scalars.first, isLetter(first), !words.contains(text.lowercased()) { return text }
        return quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                let (mark, count) = scalar.value > 0xFFFF ? ("U", 8) : ("u", 4)
                result += "\\\(mark)" + String(repeating: "0", count: count - digits.count) + digits
            }
        }
        return result + "\""
    }
}
