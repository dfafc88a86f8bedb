import Settings

extension PruneRecipe {
    /// The recipe as canonical YAML: every given key in one order, so that equal recipes are equal texts. Reading it
    /// back gives an equal recipe.
    public func yaml() -> String { RecipeWriter.text(of: self) }
}

enum RecipeWriter {
    static func text<Recipe: RecipeForm>(of recipe: Recipe) -> String {
        var lines = ["version: 1"]
        var group: Substring?
        for field in Recipe.fields {
            guard let value = field.write(recipe) else { continue }
            let parts = field.key.split(separator: ".")
            let isNested = parts.count == 2
            if isNested, group != parts[0] { lines.append("\(parts[0]):") }
            group = isNested ? parts[0] : nil
            let indent = isNested ? "  " : ""
            let name = parts[parts.count - 1]
            switch value {
            case .scalar(let text): lines.append("\(indent)\(name): \(text)")
            case .list(let items) where items.isEmpty: lines.append("\(indent)\(name): []")
            case .list(let items):
                lines.append("\(indent)\(name):")
                for item in items { lines.append("\(indent)  - \(item)") }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The text as a YAML scalar: bare where no reader could take it for anything else, else in double quotes.
    static func quoted(_ text: String) -> String {
        if isBare(text) { return text }
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": output += "\\x" + hex(scalar, digits: 2)
            case "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}": output += "\\u" + hex(scalar, digits: 4)
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }

    private static func hex(_ scalar: Unicode.Scalar, digits: Int) -> String {
        let text = String(scalar.value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func isBare(_ text: String) -> Bool {
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        guard let first = text.utf8.first, !words.contains(text.lowercased()) else { return false }
        let isNumber = PlainNumber.double(text) != nil
        let isLetter = (first | 0x20) >= UInt8(ascii: "a") && (first | 0x20) <= UInt8(ascii: "z")
        let startsPath = text.hasPrefix("./") || text.hasPrefix("../") || text.hasPrefix("/")
        return (isNumber || isLetter || startsPath)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
                    UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "@"):
                    true
                default: false
                }
            }
    }
}
