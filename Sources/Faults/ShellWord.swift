/// A text as one word of a shell's command line, for advice that is to be copied.
public enum ShellWord {
    /// The text itself where no shell reads anything into it, else quoted: a path may hold blanks, quotes and worse.
    public static func quoted(_ text: String) -> String {
        // A command would take it for an option, quoted or not.
        let text = text.utf8.first == UInt8(ascii: "-") ? "./" + text : text
        let isPlain = !text.isEmpty && text.utf8.first != UInt8(ascii: "~") && text.utf8.allSatisfy(isPlain)
        if isPlain { return text }
        guard text.unicodeScalars.contains(where: isInvisible) else {
            var word = "'"
            for scalar in text.unicodeScalars {
                if scalar == "'" { word += #"'\''"# } else { word.unicodeScalars.append(scalar) }
            }
            return word + "'"
        }
        // What a message does not show as it is must not be written as it is: the form for bytes of bash and zsh.
        var word = "$'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'", "\\": word += "\\" + String(scalar)
            case _ where isInvisible(scalar):
                for byte in String(scalar).utf8 {
                    word += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
                }
            default: word.unicodeScalars.append(scalar)
            }
        }
        return word + "'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_-./,:@%+=~".utf8.contains(byte)
        }
    }

    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
