import Faults
import Yams

/// One value of a file of settings, with its place, read as what its key expects.
public struct YAMLNode {
    let node: Node
    /// The dotted path, for messages.
    public let key: String
    let file: String?

    public func text() throws(Fault) -> String {
        let scalar = try scalar("a text")
        guard !scalar.string.isEmpty, !scalar.string.utf8.contains(0) else {
            throw mismatch("a non-empty text")
        }
        return scalar.string
    }

    /// A list of texts; a single text is a list of one.
    public func texts() throws(Fault) -> [String] {
        guard case .sequence(let items) = node else { return [try text()] }
        var texts: [String] = []
        for item in items { texts.append(try YAMLNode(node: item, key: key, file: file).text()) }
        return texts
    }

    public func bool() throws(Fault) -> Bool {
        switch try plain("true or false") {
        case "true": return true
        case "false": return false
        default: throw mismatch("true or false")
        }
    }

    public func integer<Value: FixedWidthInteger>() throws(Fault) -> Value {
        let expected = Value.isSigned ? "a whole number" : "a whole number of at least 0"
        guard let value: Value = PlainNumber.integer(try plain(expected)) else { throw mismatch(expected) }
        return value
    }

    public func number() throws(Fault) -> Double {
        guard let value = PlainNumber.double(try plain("a number")) else { throw mismatch("a finite number") }
        return value
    }

    public func option<Value: OptionValue>() throws(Fault) -> Value {
        let text = try text()
        do throws(Fault) {
            return try Value(parsing: text)
        } catch {
            throw Fault(
                .badRecipe, error.summary, file: file, place: place, found: error.found, expected: error.expected,
                advice: error.advice)
        }
    }

    /// "line 3, column 5"
    public var position: String? { node.mark.map { "line \($0.line), column \($0.column)" } }
    /// The position with the key.
    public var place: String { (position ?? "the recipe") + " (\(key))" }

    public func mismatch(_ expected: String) -> Fault {
        Fault(
            .badRecipe, "'\(key)' has a value of the wrong type", file: file, place: place, found: found,
            expected: expected)
    }

    private func scalar(_ expected: String) throws(Fault) -> Node.Scalar {
        guard case .scalar(let scalar) = node else { throw mismatch(expected) }
        if scalar.style == .plain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
            throw Fault(
                .badRecipe, "'\(key)' has no value", file: file, place: place, found: "null", expected: expected,
                advice: "leave the key out")
        }
        return scalar
    }

    /// The text of a scalar without quotes: "0.5" in quotes is a text, not a number.
    private func plain(_ expected: String) throws(Fault) -> String {
        let scalar = try scalar(expected)
        guard scalar.style == .plain else { throw mismatch(expected) }
        return scalar.string
    }

    private var found: String {
        switch node {
        case .scalar(let scalar): scalar.style == .plain ? scalar.string : "the text \"\(scalar.string)\""
        case .sequence: "a list"
        case .mapping: "a group of keys"
        case .alias: "an alias"
        }
    }
}
