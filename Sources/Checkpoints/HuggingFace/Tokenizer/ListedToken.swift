import Faults
import JSONText

/// A token that a file lists for being cut out of the text before the model's own vocabulary sees it.
struct ListedToken: Equatable {
    var content: String
    var singleWord = false
    var stripsLeft = false
    var stripsRight = false
    var normalized: Bool
    var special: Bool
    /// The id that the file gives it; the vocabulary decides.
    var id: Int?

    /// A name without flags: special, and looked for in the text as given.
    init(special content: String, id: Int? = nil) {
        self.content = content
        normalized = false
        special = true
        self.id = id
    }

    /// - Throws: `badData` for flags that are not true or false, or an object without content.
    init(_ object: JSONObject, id: Int? = nil, isSpecial: Bool? = nil, place: String) throws(Fault) {
        guard let content = object["content"]?.stringValue else {
            throw Fault(
                .badData, "a token of the tokenizer has no content", place: place,
                found: object["content"]?.kindName ?? "nothing", expected: "a string")
        }
        func flag(_ key: String, _ standard: Bool) throws(Fault) -> Bool {
            guard let value = object[key], !value.isNull else { return standard }
            guard let flag = value.boolValue else {
                throw Fault(
                    .badData, "a flag of a token is invalid", place: "\(place), key '\(key)'", found: value.kindName,
                    expected: "true or false")
            }
            return flag
        }
        self.content = content
        singleWord = try flag("single_word", false)
        stripsLeft = try flag("lstrip", false)
        stripsRight = try flag("rstrip", false)
        special = if let isSpecial { isSpecial } else { try flag("special", false) }
        normalized = try flag("normalized", !special)
        self.id = id
    }

    func hasFlags(of other: ListedToken) -> Bool {
        singleWord == other.singleWord && stripsLeft == other.stripsLeft && stripsRight == other.stripsRight
            && normalized == other.normalized && special == other.special
    }

    /// As `tokenizer.json` lists it.
    func json(id: Int) -> JSONValue {
        .object([
            "id": .integer(id), "content": .string(content), "single_word": .bool(singleWord),
            "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight), "normalized": .bool(normalized),
            "special": .bool(special),
        ])
    }

    /// The content for a message: short, and without what would break a line or colour a terminal.
    var shown: String { ListedToken.shown(content) }

    static func shown(_ content: String) -> String {
        var text = "\""
        for scalar in content.unicodeScalars.prefix(40) { text += scalar.escaped(asASCII: false) }
        return text + (content.unicodeScalars.count > 40 ? "…\"" : "\"")
    }
}

extension [ListedToken] {
    /// The first of them for a message.
    var shown: String { prefix(5).map(\.shown).joined(separator: ", ") + (count > 5 ? ", …" : "") }
}
