import Faults
import JSONText

/// The token tables beside `tokenizer.json`, taken together as the reference implementation (transformers 5.24) takes
/// them: which tokens they add, in which order, and where they disagree.
struct TokenTables {
    /// Attributes that name one token each, in the reference's order.
    static let names = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// To be added to the tokenizer, in this order; a later one with other flags replaces an earlier one.
    private(set) var tokens: [ListedToken] = []
    /// The contents of all named and extra tokens, in the reference's order.
    private(set) var specials: [String] = []
    /// The tokens that are named by an attribute, by its name.
    private(set) var named: [String: ListedToken] = [:]
    /// `add_bos_token` and `add_eos_token`.
    private(set) var addsBeginning: Bool?
    private(set) var addsEnd: Bool?
    private(set) var warnings: [String] = []

    private let configuration: JSONObject
    /// Attributes beyond the usual ones, in the order of the files: objects and those of `special_tokens_map.json`,
    /// which come first, and texts of `tokenizer_config.json`, which count where both are there.
    private var laterNames: [String] = []
    private var settledNames: [String] = []
    /// Attributes that `tokenizer_config.json` gives as objects.
    private var objectNames: Set<String> = []
    private var extra: [ListedToken] = []
    /// Whether a file gives `extra_special_tokens` as a list, however short: others are passed over then.
    private var hasExtra = false
    /// Whether the extra tokens are the `additional_special_tokens` of `special_tokens_map.json`.
    private var hasOldExtra = false
    /// By id, from the table that counts.
    private var listed: [Int: ListedToken] = [:]

    /// - Parameters:
    ///   - configuration: `tokenizer_config.json`.
    ///   - map: `special_tokens_map.json`.
    ///   - added: `added_tokens.json`.
    ///   - own: the `added_tokens` of `tokenizer.json`.
    ///   - standards: names that the tokenizer's class has where no file gives them.
    ///   - standardExtra: further tokens where no file gives any.
    /// - Throws: `badData` naming the file and place of a table that is wrong.
    init(
        configuration: JSONObject?, map: JSONObject?, added: JSONObject?, own: [ListedToken],
        standards: [(String, String)] = [], extra standardExtra: [ListedToken] = []
    ) throws(Fault) {
        self.configuration = configuration ?? JSONObject()
        for (key, value) in standards { named[key] = ListedToken(special: value) }
        do throws(Fault) { try readConfiguration() } catch { throw error.inFile("tokenizer_config.json") }
        if let table = self.configuration["added_tokens_decoder"], !table.isNull {
            do throws(Fault) { try readDecoder(table) } catch { throw error.inFile("tokenizer_config.json") }
            if let map { noteIgnored(map: map) }
            if let added { noteIgnored(added: added) }
        } else {
            if let map {
                do throws(Fault) { try read(map: map) } catch { throw error.inFile("special_tokens_map.json") }
            }
            if let added {
                do throws(Fault) { try read(added: added) } catch { throw error.inFile("added_tokens.json") }
            }
            for token in own {
                guard let id = token.id else { continue }
                if let other = listed[id], other.content != token.content {
                    warnings.append(
                        "added_tokens.json gives \(other.shown) the id \(id), which \(token.shown) has in "
                            + "tokenizer.json; \(other.shown) is not a token of its own")
                }
                listed[id] = token
            }
        }
        if !hasExtra, !standardExtra.isEmpty { extra = standardExtra }
        gather(own)
    }

    // MARK: tokenizer_config.json

    private mutating func readConfiguration() throws(Fault) {
        for (key, value) in configuration.members {
            if value.isNull {
                named[key] = nil
            } else if TokenTables.names.contains(key) {
                named[key] = try TokenTables.token(value, place: "key '\(key)'")
            } else if key.hasSuffix("_token"), let token = try TokenTables.ownName(value, place: "key '\(key)'") {
                if value.stringValue == nil { laterNames.append(key) } else { settledNames.append(key) }
                named[key] = token
            }
            if value.objectValue != nil { objectNames.insert(key) }
        }
        addsBeginning = try flag("add_bos_token")
        addsEnd = try flag("add_eos_token")
        if try flag("split_special_tokens") == true {
            warnings.append(
                "tokenizer_config.json asks for special tokens in a text to be split (split_special_tokens); they are "
                    + "recognized all the same")
        }
        try readExtra(configuration)
    }

    private func flag(_ key: String) throws(Fault) -> Bool? {
        guard let value = configuration[key], !value.isNull else { return nil }
        guard let flag = value.boolValue else {
            throw Fault(
                .badData, "a setting of the tokenizer is invalid", place: "key '\(key)'", found: value.kindName,
                expected: "true, false or null")
        }
        return flag
    }

    /// `extra_special_tokens`, or `additional_special_tokens` where that one says nothing.
    private mutating func readExtra(_ object: JSONObject) throws(Fault) {
        let new = object["extra_special_tokens"]
        let old = object["additional_special_tokens"]
        let isEmpty = new.map { $0.isNull || $0.arrayValue?.isEmpty == true || $0.objectValue?.isEmpty == true } ?? true
        hasExtra = hasExtra || (new != nil && new?.objectValue == nil) || (isEmpty && old != nil)
        let key = isEmpty ? "additional_special_tokens" : "extra_special_tokens"
        guard let value = isEmpty ? old : new, !value.isNull else { return }
        if let members = value.objectValue {
            for (name, value) in members.members {
                guard let token = try TokenTables.ownName(value, place: "key '\(key)'") else { continue }
                if !settledNames.contains(name) { settledNames.append(name) }
                named[name] = token
            }
            var rest = JSONObject()
            rest["additional_special_tokens"] = old
            try readExtra(rest)
            hasExtra = false
            return
        }
        guard let items = value.arrayValue else {
            throw Fault(
                .badData, "a list of special tokens is invalid", place: "key '\(key)'", found: value.kindName,
                expected: "an array of strings")
        }
        for (index, item) in items.enumerated() {
            let token = try TokenTables.token(item, place: "key '\(key)', item \(index)")
            if !extra.contains(where: { $0.content.utf8.elementsEqual(token.content.utf8) }) { extra.append(token) }
        }
        if !isEmpty, let left = old?.arrayValue, left != items {
            warnings.append("additional_special_tokens is ignored because extra_special_tokens is there, too")
        }
    }

    private mutating func readDecoder(_ table: JSONValue) throws(Fault) {
        guard let members = table.objectValue else {
            throw Fault(
                .badData, "the tokens of tokenizer_config.json are invalid", place: "key 'added_tokens_decoder'",
                found: table.kindName, expected: "an object of ids and tokens")
        }
        var ids: [ExactText: Int] = [:]
        for (key, value) in members.members {
            let place = "added_tokens_decoder, id \(ListedToken.shown(key))"
            guard let id = Int(key), id >= 0, id <= Int(Int32.max), let object = value.objectValue else {
                throw Fault(
                    .badData, "a token of tokenizer_config.json is invalid", place: place, found: value.kindName,
                    expected: "an id and an object with content")
            }
            let token = try ListedToken(object, id: id, place: place)
            if let twin = ids.updateValue(id, forKey: ExactText(token.content)) {
                throw Fault(
                    .badData, "a token has two ids", place: "added_tokens_decoder, token \(token.shown)",
                    found: "ids \(twin) and \(id)", expected: "one id for each token")
            }
            listed[id] = token
        }
    }

    // MARK: Older tables

    /// `special_tokens_map.json` overrules `tokenizer_config.json`, where that one has no `added_tokens_decoder`.
    private mutating func read(map: JSONObject) throws(Fault) {
        var rest = JSONObject()
        for (key, value) in map.members where !value.isNull {
            if key == "extra_special_tokens" || key == "additional_special_tokens" {
                rest[key] = value
                continue
            }
            guard TokenTables.names.contains(key) || key.hasSuffix("_token") else { continue }
            let token: ListedToken
            if let object = value.objectValue {
                token = try ListedToken(object, isSpecial: true, place: "key '\(key)'")
            } else {
                token = try TokenTables.token(value, place: "key '\(key)'")
            }
            let isSettled = settledNames.contains(key)
            if let other = named[key], !other.content.utf8.elementsEqual(token.content.utf8) {
                warnings.append(
                    "\(key) is \(other.shown) in tokenizer_config.json and \(token.shown) in special_tokens_map.json; "
                        + (isSettled ? "the former is used" : "the latter is used"))
            }
            if !TokenTables.names.contains(key), !laterNames.contains(key) { laterNames.append(key) }
            guard !isSettled else { continue }
            objectNames.remove(key)
            named[key] = token
        }
        if rest["extra_special_tokens"] != nil {
            rest["additional_special_tokens"] = nil
            try readExtra(rest)
        } else if !hasExtra {
            if rest["additional_special_tokens"] != nil { extra = [] }
            try readExtra(rest)
            (hasExtra, hasOldExtra) = (false, !extra.isEmpty)
        }
    }

    private mutating func read(added: JSONObject) throws(Fault) {
        // The reference compares texts before it has read the objects of tokenizer_config.json.
        let texts = TokenTables.names.filter { !objectNames.contains($0) }.compactMap { named[$0] }
        let specials = Set((texts + (hasOldExtra ? [] : extra)).map { ExactText($0.content) })
        for (content, value) in added.members {
            guard let id = value.integerValue, id >= 0, id <= Int(Int32.max) else {
                throw Fault(
                    .badData, "a token has an invalid id", place: "token \(ListedToken.shown(content))",
                    found: value.kindName, expected: "an integer from 0 to 2147483647")
            }
            var token = ListedToken(special: content, id: id)
            token.special = specials.contains(ExactText(content))
            token.normalized = !token.special
            if let other = listed[id] {
                throw Fault(
                    .badData, "two tokens have one id", place: "token \(token.shown)", found: "id \(id)",
                    expected: "an id of its own: \(other.shown) has this one")
            }
            listed[id] = token
        }
    }

    private mutating func noteIgnored(map: JSONObject) {
        for key in TokenTables.names {
            guard let value = map[key],
                let content = value.stringValue ?? value.objectValue?["content"]?.stringValue,
                let other = named[key], !other.content.utf8.elementsEqual(content.utf8)
            else { continue }
            warnings.append(
                "\(key) is \(other.shown) in tokenizer_config.json and \(ListedToken.shown(content)) in "
                    + "special_tokens_map.json; the former is used")
        }
    }

    private mutating func noteIgnored(added: JSONObject) {
        let known = Set(listed.values.map { ExactText($0.content) })
        let passedOver = added.keys.filter { !known.contains(ExactText($0)) }
        guard !passedOver.isEmpty else { return }
        let shown = passedOver.sorted().map { ListedToken(special: $0) }.shown
        warnings.append(
            "added_tokens.json is ignored, as tokenizer_config.json has a table of tokens, which lacks \(shown)")
    }

    // MARK: Together

    /// Tokens of the table by their ids, then those with names, then the extra ones; these last only where neither the
    /// table nor `tokenizer.json` has them.
    private mutating func gather(_ listedAlready: [ListedToken]) {
        var positions: [ExactText: Int] = [:]
        for (_, token) in listed.sorted(by: { $0.key < $1.key }) {
            if positions[ExactText(token.content)] == nil { positions[ExactText(token.content)] = tokens.count }
            tokens.append(token)
        }
        let known = Set(listedAlready.map { ExactText($0.content) }).union(positions.keys)
        let own = laterNames + settledNames.filter { !laterNames.contains($0) }
        let all = (TokenTables.names + own).compactMap { named[$0] }
        specials = (all + extra).map(\.content)
        for token in all {
            if let index = positions[ExactText(token.content)] { tokens[index].special = true }
        }
        // Where one stands there twice with other flags, the last counts.
        var seen: [ExactText: [ListedToken]] = [:]
        for token in all + extra where !known.contains(ExactText(token.content)) {
            guard seen[ExactText(token.content)]?.contains(where: { $0.hasFlags(of: token) }) != true else { continue }
            seen[ExactText(token.content), default: []].append(token)
            tokens.append(token)
        }
    }

    private static func token(_ value: JSONValue, place: String) throws(Fault) -> ListedToken {
        if let content = value.stringValue { return ListedToken(special: content) }
        guard let object = value.objectValue else {
            throw Fault(
                .badData, "a special token is invalid", place: place, found: value.kindName,
                expected: "a string, or an object with content")
        }
        return try ListedToken(object, isSpecial: true, place: place)
    }

    /// A token under a name of the model's own: the reference sees strings and objects marked as tokens.
    private static func ownName(_ value: JSONValue, place: String) throws(Fault) -> ListedToken? {
        if value.stringValue != nil { return try token(value, place: place) }
        guard let object = value.objectValue, object["__type"]?.stringValue == "AddedToken" else { return nil }
        return try token(value, place: place)
    }
}
