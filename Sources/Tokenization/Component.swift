import Faults
import JSONText

/// One object of `tokenizer.json` with its place in the file, read field by field.
struct Component {
    private(set) var object: JSONObject
    let place: String

    init(_ value: JSONValue, place: String) throws(Fault) {
        guard let object = value.objectValue else {
            throw Fault(
                .badData, "the tokenizer's \(place) is invalid", place: place, found: value.kindName,
                expected: "an object")
        }
        self.object = object
        self.place = place
    }

    /// The member, or nil where it is missing or null.
    func optional(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// The member, which then is here no longer.
    mutating func take(_ key: String) -> JSONValue? {
        defer { object[key] = nil }
        return object[key]
    }

    func type() throws(Fault) -> String { try string("type") }

    func string(_ key: String) throws(Fault) -> String {
        guard let text = object[key]?.stringValue else { throw wrong(key, expected: "a string") }
        return text
    }

    func string(_ key: String, default standard: String) throws(Fault) -> String {
        optional(key) == nil ? standard : try string(key)
    }

    func bool(_ key: String, default standard: Bool? = nil) throws(Fault) -> Bool {
        if let value = optional(key)?.boolValue { return value }
        if let standard, optional(key) == nil { return standard }
        throw wrong(key, expected: "true or false")
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(Fault) -> Int {
        guard let value = object[key]?.integerValue, range.contains(value) else {
            throw wrong(key, expected: "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func array(_ key: String) throws(Fault) -> [JSONValue] {
        guard let items = object[key]?.arrayValue else { throw wrong(key, expected: "an array") }
        return items
    }

    /// The objects of an array, each with its own place.
    func components(_ key: String) throws(Fault) -> [Component] {
        var components: [Component] = []
        for (index, item) in try array(key).enumerated() {
            components.append(try Component(item, place: "\(place).\(key)[\(index)]"))
        }
        return components
    }

    /// The literal text of a `{"String": …}` pattern; a regular expression is refused with its text.
    func literalPattern(_ key: String) throws(Fault) -> [UInt8] {
        let pattern = try Component(object[key] ?? .null, place: "\(place).\(key)")
        if let regex = pattern.object["Regex"]?.stringValue {
            throw unsupported("the regular expression \(regex)")
        }
        let text = try pattern.string("String")
        guard !text.isEmpty, text.utf8.count <= Component.longestPattern else {
            throw wrong(key, expected: "a pattern of 1 to \(Component.longestPattern) bytes")
        }
        return Array(text.utf8)
    }

    /// Bounds the work per place of a text.
    private static let longestPattern = 256

    /// The one Unicode scalar that a field holds.
    func scalar(_ key: String, default standard: Unicode.Scalar? = nil) throws(Fault) -> Unicode.Scalar {
        if optional(key) == nil, let standard { return standard }
        let scalars = try string(key).unicodeScalars
        guard let scalar = scalars.first, scalars.count == 1 else { throw wrong(key, expected: "one character") }
        return scalar
    }

    func wrong(_ key: String, expected: String) -> Fault {
        Fault(
            .badData, "a field of the tokenizer is invalid", place: "\(place).\(key)",
            found: object[key]?.kindName ?? "nothing", expected: expected)
    }

    func unsupported(_ what: String, expected: String? = nil) -> Fault {
        Fault(
            .badData, "the tokenizer uses a feature that is not supported", place: place, found: what,
            expected: expected)
    }
}
