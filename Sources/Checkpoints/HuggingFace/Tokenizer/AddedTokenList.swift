import Faults
import JSONText

/// The `added_tokens` of a tokenizer that other files' tables add to, with the reference implementation's ids.
struct AddedTokenList {
    private(set) var tokens: [ListedToken]
    private(set) var warnings: [String] = []
    private var positions: [ExactText: Int] = [:]
    private let vocabulary: JSONObject
    /// The id that the next token takes which the vocabulary does not have.
    private var next: Int
    private let own: Set<ExactText>

    /// - Parameters:
    ///   - own: the tokenizer's own list, every token with its id.
    ///   - vocabulary: ids by token of the model.
    init(own: [ListedToken], vocabulary: JSONObject) {
        tokens = own
        self.vocabulary = vocabulary
        for (index, token) in own.enumerated() { positions[ExactText(token.content)] = index }
        self.own = Set(positions.keys)
        let highest = own.compactMap(\.id).max() ?? -1
        next = max(vocabulary.count, highest + 1)
    }

    /// Adds tokens one after another: one that the list has takes the new flags and keeps its id, one that the
    /// vocabulary has takes the id it has there, any other the next id after all.
    ///
    /// - Parameter file: the file that lists them, for warnings beside a `tokenizer.json`; nil without one.
    mutating func add(_ listed: [ListedToken], from file: String?) {
        var new: [ListedToken] = []
        var moved: [String] = []
        var flagged: [ListedToken] = []
        for token in listed where !token.content.isEmpty {
            var token = token
            let wanted = token.id
            if let index = positions[ExactText(token.content)] {
                token.id = tokens[index].id
                // A token that was special once stays so for decoding.
                token.special = token.special || tokens[index].special
                if !token.hasFlags(of: tokens[index]), own.contains(ExactText(token.content)) { flagged.append(token) }
                tokens[index] = token
            } else {
                if let id = vocabulary[token.content]?.integerValue {
                    token.id = id
                } else {
                    token.id = next
                    next += 1
                    new.append(token)
                }
                positions[ExactText(token.content)] = tokens.count
                tokens.append(token)
            }
            if let wanted, let id = token.id, wanted != id {
                moved.append("\(token.shown) has the id \(id), not \(wanted)")
            }
        }
        if !new.isEmpty, let file {
            let count = new.count == 1 ? "a token" : "\(new.count) tokens"
            warnings.append("\(file) adds \(count) that tokenizer.json does not list: \(new.shown)")
        }
        if !moved.isEmpty {
            let shown = moved.prefix(5).joined(separator: ", ") + (moved.count > 5 ? ", …" : "")
            let file = file ?? "a table of tokens"
            warnings.append("\(file) gives tokens other ids than the tokenizer, whose own ids are used: \(shown)")
        }
        if !flagged.isEmpty, let file {
            warnings.append(
                "\(file) gives tokens other flags than tokenizer.json, and its flags are used: \(flagged.shown)")
        }
    }

    /// Tokens of `tokenizer.json`.
    ///
    /// - Throws: `badData` for an item without content, id or flags.
    static func own(_ list: JSONTextList?) throws(Fault) -> [ListedToken] {
        var tokens: [ListedToken] = []
        try list?.forEach { (item) throws(Fault) in
            let place = "added_tokens[\(tokens.count)]"
            guard let object = item.objectValue, let id = object["id"]?.integerValue, id >= 0, id < Int(Int32.max)
            else {
                throw Fault(
                    .badData, "a token of the tokenizer is invalid", place: place, found: item.kindName,
                    expected: "an object with content and id")
            }
            tokens.append(try ListedToken(object, id: id, place: place))
        }
        return tokens
    }
}
