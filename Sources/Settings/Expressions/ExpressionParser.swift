/// Reads a regular expression.
struct ExpressionParser {
    private struct Options {
        var ignoresCase = false
        var dotTakesLineBreaks = false
        var anchorsAtLines = false
    }

    /// The deepest nesting of groups.
    private static let deepest = 50
    /// The largest number between braces.
    private static let mostRepetitions = 1000

    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var depth = 0
    private var options = Options()

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func expression() throws(TextExpression.Refusal) -> ExpressionNode {
        let node = try choice()
        guard at == scalars.count else { throw refusal("a ')' closes nothing") }
        return node
    }

    private var here: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private func refusal(_ reason: String, at place: Int? = nil) -> TextExpression.Refusal {
        TextExpression.Refusal(reason: reason, place: "character \((place ?? at) + 1)")
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard here == scalar else { return false }
        at += 1
        return true
    }

    private mutating func takes(_ text: String) -> Bool {
        guard scalars[at...].starts(with: text.unicodeScalars) else { return false }
        at += text.unicodeScalars.count
        return true
    }

    private mutating func choice() throws(TextExpression.Refusal) -> ExpressionNode {
        var branches: [ExpressionNode] = []
        repeat { branches.append(try sequence()) } while take("|")
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(TextExpression.Refusal) -> ExpressionNode {
        var parts: [ExpressionNode] = []
        while let scalar = here, scalar != "|", scalar != ")" {
            let part = try atom(scalar)
            parts.append(try quantified(part))
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    // MARK: Repetitions

    private mutating func quantified(_ part: ExpressionNode) throws(TextExpression.Refusal) -> ExpressionNode {
        let bounds: (least: Int, most: Int?)
        switch here {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            let start = at
            guard let counted = try braces() else {
                at = start
                return part
            }
            bounds = counted
            at -= 1
        default: return part
        }
        at += 1
        // Whether a match is sought short or long first does not change whether there is one.
        if take("?") {
            if try isRepetition() { throw refusal("a repetition is repeated; put the inner one in a group") }
            return .repeated(part, atLeast: bounds.least, atMost: bounds.most)
        }
        if here == "+" { throw refusal("possessive repetitions are not supported") }
        let isRepeated = here == "*" ? true : try isRepetition()
        if isRepeated {
            throw refusal("a repetition is repeated; put the inner one in a group")
        }
        return .repeated(part, atLeast: bounds.least, atMost: bounds.most)
    }

    /// Whether a repetition in braces stands here, and no plain character.
    private mutating func isRepetition() throws(TextExpression.Refusal) -> Bool {
        guard here == "{" else { return false }
        let start = at
        defer { at = start }
        return try braces() != nil
    }

    /// "{2}", "{2,}", "{,3}" or "{2,3}"; nil where the brace is a plain character.
    private mutating func braces() throws(TextExpression.Refusal) -> (least: Int, most: Int?)? {
        let start = at
        at += 1
        let least = number()
        let hasComma = take(",")
        let most = hasComma ? number() : least
        guard take("}") else { return nil }
        guard least != nil || most != nil else {
            // Some engines take it for a star, others for three characters.
            if hasComma { throw refusal("the repetitions have no number; write * or \\{,}", at: start) }
            return nil
        }
        for value in [least, most].compactMap({ $0 }) where value > ExpressionParser.mostRepetitions {
            throw refusal("more than \(ExpressionParser.mostRepetitions) repetitions are not supported", at: start)
        }
        if let least, let most, least > most {
            throw refusal("the maximum of the repetitions is below the minimum", at: start)
        }
        return (least ?? 0, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = here, ("0"..."9").contains(digit) {
            value = min((value ?? 0) * 10 + Int(digit.value) - 48, 1_000_000)
            at += 1
        }
        return value
    }

    // MARK: What is repeated

    private mutating func atom(_ scalar: Unicode.Scalar) throws(TextExpression.Refusal) -> ExpressionNode {
        switch scalar {
        case "(": return try group()
        case "[":
            at += 1
            return .one(try characterClass())
        case "\\":
            at += 1
            return try escape()
        case "*", "+", "?": throw refusal("a repetition follows nothing")
        case "{":
            if try isRepetition() { throw refusal("a repetition follows nothing") }
            at += 1
            return .one(cased(ScalarSet(scalar)))
        case ".":
            at += 1
            return .one(.dot(withLineBreaks: options.dotTakesLineBreaks))
        case "^":
            at += 1
            return .assertion(options.anchorsAtLines ? .lineStart : .textStart)
        case "$":
            at += 1
            return .assertion(options.anchorsAtLines ? .lineEnd : .textEnd)
        default:
            at += 1
            return .one(cased(ScalarSet(scalar)))
        }
    }

    private func cased(_ set: ScalarSet) -> ScalarSet {
        var set = set
        set.ignoresCase = options.ignoresCase
        return set
    }

    private mutating func group() throws(TextExpression.Refusal) -> ExpressionNode {
        let start = at
        let outer = options
        at += 1
        if take("?") {
            if here == "=" || here == "!" || takes("<=") || takes("<!") {
                throw refusal("lookahead and lookbehind are not supported", at: start)
            }
            if here == ">" { throw refusal("atomic groups are not supported", at: start) }
            if takes("P<") || take("<") {
                // A name serves captures, which a search has no use for.
                while let letter = here, ScalarSet.Kind.word.contains(letter) { at += 1 }
                guard take(">") else { throw refusal("a group's name does not end with '>'") }
            } else if !take(":"), try setOptions(start) {
                // "(?i)" holds until the end of the group around it.
                return .empty
            }
        } else if here == "*" {
            throw refusal("control verbs are not supported", at: start)
        }
        depth += 1
        guard depth <= ExpressionParser.deepest else {
            throw refusal("groups nest deeper than \(ExpressionParser.deepest)", at: start)
        }
        let node = try choice()
        depth -= 1
        guard take(")") else { throw refusal("a '(' is not closed", at: start) }
        options = outer
        return node
    }

    /// True after "i)", false after "i:".
    private mutating func setOptions(_ start: Int) throws(TextExpression.Refusal) -> Bool {
        var isOn = true
        while let letter = here {
            at += 1
            switch letter {
            case "i": options.ignoresCase = isOn
            case "s": options.dotTakesLineBreaks = isOn
            case "m": options.anchorsAtLines = isOn
            case "-" where isOn: isOn = false
            case ":": return false
            case ")": return true
            default:
                throw refusal("this kind of group is not supported; (?:…) and the options i, m and s are", at: start)
            }
        }
        throw refusal("a '(' is not closed", at: start)
    }

    // MARK: Escapes

    private mutating func escape() throws(TextExpression.Refusal) -> ExpressionNode {
        let assertions: [Unicode.Scalar: ExpressionNode.Assertion] = [
            "A": .textStart, "z": .textEnd, "Z": .textEndOrLastBreak, "b": .wordEdge, "B": .noWordEdge,
        ]
        if let letter = here, let assertion = assertions[letter] {
            at += 1
            return .assertion(assertion)
        }
        if let digit = here, ("1"..."9").contains(digit) || digit == "k" || digit == "g" {
            throw refusal("back-references are not supported", at: at - 1)
        }
        return .one(cased(try escapedSet()))
    }

    /// What stands after a backslash, within a class or without.
    private mutating func escapedSet() throws(TextExpression.Refusal) -> ScalarSet {
        let start = at - 1
        guard let scalar = here else { throw refusal("the expression ends with a '\\'", at: start) }
        at += 1
        switch scalar {
        case "d", "D": return ScalarSet(.digit, isNegated: scalar == "D")
        case "w", "W": return ScalarSet(.word, isNegated: scalar == "W")
        case "s", "S": return ScalarSet(.space, isNegated: scalar == "S")
        case "p", "P": return try category(start, isNegated: scalar == "P")
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "t": return ScalarSet("\t")
        case "f": return ScalarSet("\u{0C}")
        case "a": return ScalarSet("\u{07}")
        case "e": return ScalarSet("\u{1B}")
        case "x": return ScalarSet(try hexadecimal(start, digits: 2))
        case "u": return ScalarSet(try hexadecimal(start, digits: 4))
        case "0"..."9", "a"..."z", "A"..."Z":
            throw refusal("'\\\(scalar)' is not supported", at: start)
        default: return ScalarSet(scalar)
        }
    }

    private mutating func category(_ start: Int, isNegated: Bool) throws(TextExpression.Refusal) -> ScalarSet {
        var name = ""
        guard take("{") else { throw refusal("a category is written in braces: \\p{L}", at: start) }
        let isInverse = take("^")
        while let letter = here, letter != "}", name.utf8.count < 3 {
            name.unicodeScalars.append(letter)
            at += 1
        }
        guard take("}"), ScalarSet.isCategory(name) else {
            throw refusal("only general categories such as \\p{L} and \\p{Lu} are supported", at: start)
        }
        return ScalarSet(.category(name), isNegated: isNegated != isInverse)
    }

    private mutating func hexadecimal(
        _ start: Int, digits: Int
    ) throws(TextExpression.Refusal) -> Unicode.Scalar {
        let isBraced = take("{")
        var (value, count) = (UInt32(0), 0)
        while let digit = here, let number = Character(digit).hexDigitValue, digit.isASCII,
            count < (isBraced ? 8 : digits)
        {
            value = value << 4 | UInt32(number)
            count += 1
            at += 1
        }
        guard isBraced ? count > 0 && take("}") : count == digits, let scalar = Unicode.Scalar(value) else {
            throw refusal("the number of a character is invalid", at: start)
        }
        return scalar
    }

    // MARK: Classes

    private mutating func characterClass() throws(TextExpression.Refusal) -> ScalarSet {
        let start = at - 1
        var set = ScalarSet()
        set.isNegated = take("^")
        var isFirst = true
        while let scalar = here, scalar != "]" || isFirst {
            isFirst = false
            if scalar == "[" { throw refusal("a '[' within a class is written \\[; classes do not nest") }
            for mark in ["&&", "--", "~~"] where scalars[at...].starts(with: mark.unicodeScalars) {
                throw refusal("'\(mark)' within a class is not supported")
            }
            let place = at
            let member = try classMember()
            guard here == "-", at + 1 < scalars.count, scalars[at + 1] != "]", scalars[at + 1] != "-" else {
                set.ranges += member.ranges
                set.kinds += member.kinds
                continue
            }
            at += 1
            let last = try classMember()
            guard member.kinds.isEmpty, last.kinds.isEmpty, let from = member.ranges.first?.lowerBound,
                let to = last.ranges.first?.lowerBound, from <= to
            else { throw refusal("a range in a class is invalid", at: place) }
            set.ranges.append(from...to)
        }
        guard take("]") else { throw refusal("a '[' is not closed", at: start) }
        return cased(set)
    }

    private mutating func classMember() throws(TextExpression.Refusal) -> ScalarSet {
        if take("\\") {
            // Within a class this is the backspace.
            if take("b") { return ScalarSet("\u{08}") }
            return try escapedSet()
        }
        guard let scalar = here else { throw refusal("a '[' is not closed") }
        at += 1
        return ScalarSet(scalar)
    }
}
