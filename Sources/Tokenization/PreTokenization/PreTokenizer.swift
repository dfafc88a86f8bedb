import Faults

/// One step that cuts text into the pieces which are merged on their own.
enum PreTokenizer: Sendable {
    /// Pieces become bytes, each written as a character: usually the last step. Later ones see these characters.
    case byteLevel(addsPrefixSpace: Bool, splits: Bool)
    case split(SplitPattern, SplitBehavior, inverted: Bool)
    case digits(individual: Bool)
    case punctuation(SplitBehavior)
    /// White space between pieces is dropped.
    case whiteSpace
    case metaspace(Metaspace)

    /// The steps of a tokenizer's `pre_tokenizer`, sequences flattened.
    ///
    /// - Throws: `Fault` of kind `badData` naming a step that is not supported.
    static func steps(_ component: Component) throws(Fault) -> [PreTokenizer] {
        var steps: [PreTokenizer] = []
        try append(component, to: &steps)
        return steps
    }

    private static func append(_ component: Component, to steps: inout [PreTokenizer]) throws(Fault) {
        switch try component.type() {
        case "Sequence":
            for part in try component.components("pretokenizers") { try append(part, to: &steps) }
        case "ByteLevel":
            steps.append(
                .byteLevel(
                    addsPrefixSpace: try component.bool("add_prefix_space"),
                    splits: try component.bool("use_regex", default: true)))
        case "Digits": steps.append(.digits(individual: try component.bool("individual_digits")))
        case "Metaspace": steps.append(.metaspace(try Metaspace(component)))
        case "Punctuation":
            let standard = component.optional("behavior") == nil
            steps.append(.punctuation(standard ? .isolated : try behavior(component)))
        case "WhitespaceSplit": steps.append(.whiteSpace)
        case "Split":
            let behavior = try behavior(component)
            steps.append(
                .split(try pattern(component), behavior, inverted: try component.bool("invert", default: false)))
        case let type:
            throw component.unsupported(
                "pre-tokenizer \(type)",
                expected: "ByteLevel, Split, Digits, Punctuation, WhitespaceSplit, Metaspace or Sequence")
        }
    }

    private static func behavior(_ component: Component) throws(Fault) -> SplitBehavior {
        guard let behavior = SplitBehavior(rawValue: try component.string("behavior")) else {
            throw component.wrong(
                "behavior", expected: "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous")
        }
        return behavior
    }

    private static func pattern(_ component: Component) throws(Fault) -> SplitPattern {
        let pattern = try Component(component.object["pattern"] ?? .null, place: "\(component.place).pattern")
        guard let regex = pattern.object["Regex"]?.stringValue else {
            return .literal(try component.literalPattern("pattern"))
        }
        guard let known = SplitPattern(regex: regex) else {
            throw pattern.unsupported(
                "the regular expression \(regex)",
                expected: "the pattern of GPT-2, Llama 3, Qwen 2, Tekken, DeepSeek or GPT-4o")
        }
        return known
    }
}
