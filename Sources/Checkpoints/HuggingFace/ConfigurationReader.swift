import Faults
import JSONText

/// Typed access to the keys of a `config.json`, every complaint with the key's path.
package struct ConfigurationReader {
    private let json: JSONObject
    package let file: String
    private let prefix: String

    package init(_ json: JSONObject, file: String, prefix: String = "") {
        self.json = json
        self.file = file
        self.prefix = prefix
    }

    package func fault(_ key: String, found: String, expected: String, advice: String? = nil) -> Fault {
        Fault(
            .badData, "the model's configuration cannot be used", file: file, place: "key '\(prefix)\(key)'",
            found: found, expected: expected, advice: advice)
    }

    package func value(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    package func has(_ key: String) -> Bool { value(key) != nil }

    /// Whether the key stands there without a value.
    package func isNull(_ key: String) -> Bool { json[key]?.isNull ?? false }

    /// Keys that have a value.
    package var keys: [String] { json.keys.filter(has) }

    /// Far beyond every model; products of such sizes do not overflow.
    package static let widest = 1 << 20
    package static let deepest = 1 << 10

    /// A size that may be nothing.
    package func natural(_ key: String) throws(Fault) -> Int {
        guard let value = value(key), let integer = value.integerValue, integer >= 0,
            integer <= ConfigurationReader.widest
        else {
            throw fault(
                key, found: value(key)?.kindName ?? "nothing",
                expected: "a whole number from 0 to \(ConfigurationReader.widest)")
        }
        return integer
    }

    package func object(_ key: String) throws(Fault) -> JSONObject {
        guard let object = try optionalObject(key) else { throw fault(key, found: "nothing", expected: "an object") }
        return object
    }

    /// Nil where the key has no value.
    package func optionalObject(_ key: String) throws(Fault) -> JSONObject? {
        guard let value = value(key) else { return nil }
        guard let object = value.objectValue else { throw fault(key, found: value.kindName, expected: "an object") }
        return object
    }

    /// A reader of an object inside this one.
    package func inner(_ key: String) throws(Fault) -> ConfigurationReader {
        ConfigurationReader(try object(key), file: file, prefix: "\(prefix)\(key).")
    }

    /// The same for an object that was put together of several.
    package func inner(_ object: JSONObject, named name: String) -> ConfigurationReader {
        ConfigurationReader(object, file: file, prefix: "\(prefix)\(name).")
    }

    package func objects(_ key: String) throws(Fault) -> [JSONObject] {
        guard let items = value(key)?.arrayValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "a list of objects")
        }
        var objects: [JSONObject] = []
        for item in items {
            guard let object = item.objectValue else {
                throw fault(key, found: "\(item.kindName) at index \(objects.count)", expected: "a list of objects")
            }
            objects.append(object)
        }
        return objects
    }

    package func text(_ key: String) -> String? { value(key)?.stringValue }

    /// Nil where the key has no value; one that is no text is refused.
    package func optionalText(_ key: String) throws(Fault) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.stringValue else { throw fault(key, found: value.kindName, expected: "a string") }
        return text
    }

    package func requiredText(_ key: String) throws(Fault) -> String {
        guard let text = try optionalText(key) else { throw fault(key, found: "nothing", expected: "a string") }
        return text
    }

    /// Sizes beyond a limit are typing mistakes or attacks, and their products would overflow.
    package func positive(
        _ key: String, default fallback: Int? = nil, atMost limit: Int = Int(Int32.max)
    ) throws(Fault) -> Int {
        guard let value = value(key) else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: "a positive integer")
        }
        guard let integer = value.integerValue, integer > 0, integer <= limit else {
            throw fault(key, found: value.kindName, expected: "a positive integer up to \(limit)")
        }
        return integer
    }

    /// Nil where the key has no value.
    package func optionalInteger(_ key: String) throws(Fault) -> Int? {
        has(key) ? try natural(key) : nil
    }

    package func number(_ key: String, default fallback: Double? = nil) throws(Fault) -> Double {
        guard let value = value(key) else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: "a number")
        }
        guard let number = value.doubleValue, number.isFinite else {
            throw fault(key, found: value.kindName, expected: "a finite number")
        }
        return number
    }

    package func flag(_ key: String, default fallback: Bool) throws(Fault) -> Bool {
        try optionalFlag(key) ?? fallback
    }

    /// Nil where the key has no value.
    package func optionalFlag(_ key: String) throws(Fault) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let flag = value.boolValue else { throw fault(key, found: value.kindName, expected: "true or false") }
        return flag
    }

    /// A number that may not be left to chance: a null stops transformers, and no other reader says what it means.
    package func positiveNumber(_ key: String) throws(Fault) -> Double? {
        guard has(key) || isNull(key) else { return nil }
        guard let value = value(key)?.doubleValue, value.isFinite, value > 0 else {
            throw fault(key, found: value(key)?.shown ?? "null", expected: "a positive number")
        }
        return value
    }
}

extension JSONValue {
    /// A value as a message shows it: small ones as they stand, others by their kind.
    package var shown: String {
        switch self {
        case .bool(let flag): flag ? "true" : "false"
        default: kindName
        }
    }
}
