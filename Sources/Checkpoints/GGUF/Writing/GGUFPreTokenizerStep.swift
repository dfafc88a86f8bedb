import JSONText

/// A step of byte-level pre-tokenization, apart from how a `tokenizer.json` writes it.
enum GGUFPreTokenizerStep: Equatable {
    /// Matches of a regular expression, and what stands between two, are pieces.
    case split(String)
    case singleDigits
    case bytes

    /// - Returns: nil for a step of another kind.
    static func steps(_ json: JSONValue) -> [GGUFPreTokenizerStep]? {
        var steps: [GGUFPreTokenizerStep] = []
        for step in flattened(json, "pretokenizers") {
            switch step["type"]?.stringValue {
            case "ByteLevel":
                guard step["add_prefix_space"]?.boolValue == false else { return nil }
                if step["use_regex"]?.boolValue ?? true { steps.append(.split(TokenizerPattern.gpt2)) }
                steps.append(.bytes)
            case "Digits":
                guard step["individual_digits"]?.boolValue == true else { return nil }
                steps.append(.singleDigits)
            case "Split":
                guard let pattern = step["pattern"]?.objectValue?["Regex"]?.stringValue,
                    step["behavior"]?.stringValue == "Isolated", step["invert"]?.boolValue != true
                else { return nil }
                steps.append(.split(pattern))
            default: return nil
            }
        }
        return steps
    }

    /// The steps of a component, which may be one, a list, or none.
    static func flattened(_ json: JSONValue, _ key: String) -> [JSONObject] {
        guard let object = json.objectValue else { return [] }
        guard object["type"]?.stringValue == "Sequence" else { return [object] }
        return (object[key]?.arrayValue ?? []).flatMap { flattened($0, key) }
    }
}
