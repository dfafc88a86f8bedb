import Faults
import JSONText

/// Typed access to the keys of a `config.json`, every complaint with the key's path.
struct ConfigurationReader {
    private let json: JSONObject
    let file: String
    private let prefix: String

    init(_ json: JSONObject, file: String, prefix: String = "") {
        self.json = json
        self.file = file
        self.prefix = prefix
    }

    func fault(_ key: String, found: String, expected: String, advice: String? = nil) -> Fault {
        Fault(
            .badData, "the model's configuration cannot be used", file: file, place: "key '\(prefix)\(key)'",
            found: found, expected: expected, advice: advice)
    }

    func value(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    func has(_ key: String) -> Bool { value(key) != nil }

    /// Whether the key stands there without a value.
    func isNull(_ key: String) -> Bool { json[key]?.isNull ?? false }

    /// Keys that have a value.
    var keys: [String] { json.keys.filter(has) }

    /// Far beyond every model; products of such sizes do not overflow.
    static let widest = 1 << 20
    static let deepest = 1 << 10

    /// A size that may be nothing.
    func natural(_ key: String) throws(Fault) -> Int {
        guard let value = value(key), let integer = value.integerValue, integer >= 0,
            integer <= ConfigurationReader.widest
        else {
            throw fault(
                key, found: value(key)?.kindName ?? "nothing",
                expected: "a whole number from 0 to \(ConfigurationReader.widest)")
        }
        return integer
    }

    func object(_ key: String) throws(Fault) -> JSONObject {
        guard let object = try optionalObject(key) else { throw fault(key, found: "nothing", expected: "an object") }
        return object
    }

    /// Nil where the key has no value.
    func optionalObject(_ key: String) throws(Fault) -> JSONObject? {
        guard let value = value(key) else { return nil }
        guard let object = value.objectValue else { throw fault(key, found: value.kindName, expected: "an object") }
        return object
    }

    /// A reader of an object inside this one.
    func inner(_ key: String) throws(Fault) -> ConfigurationReader {
        ConfigurationReader(try object(key), file: file, prefix: "\(prefix)\(key).")
    }

    /// The same for an object that was put together of several.
    func inner(_ object: JSONObject, named name: String) -> ConfigurationReader {
        ConfigurationReader(object, file: file, prefix: "\(prefix)\(name).")
    }

    func objects(_ key: String) throws(Fault) -> [JSONObject] {
        guard let items = value(key)?.arrayValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "a list of objects")
        }
        var objects: [JSONObject] = []
        for item in items {
            guard let object = item.objectValue else {
                throw fault(key, found: "\(item.kindName) at place \(objects.count)", expected: "a list of objects")
            }
            objects.append(object)
        }
        return objects
    }

    func text(_ key: String) -> String? { value(key)?.stringValue }

    /// Sizes beyond a limit are typing mistakes or attacks, and their products would overflow.
    func positive(
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

    func number(_ key: String, default fallback: Double? = nil) throws(Fault) -> Double {
        guard let value = value(key) else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: "a number")
        }
        guard let number = value.doubleValue, number.isFinite else {
            throw fault(key, found: value.kindName, expected: "a finite number")
        }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws(Fault) -> Bool {
        guard let value = value(key) else { return fallback }
        guard let flag = value.boolValue else { throw fault(key, found: value.kindName, expected: "true or false") }
        return flag
    }

    /// A number that may not be left to chance: a null stops transformers, and no other reader says what it means.
    func positiveNumber(_ key: String) throws(Fault) -> Double? {
        guard has(key) || isNull(key) else { return nil }
        guard let value = value(key)?.doubleValue, value.isFinite, value > 0 else {
            throw fault(key, found: value(key)?.shown ?? "null", expected: "a positive number")
        }
        return value
    }

    func family(_ key: String = "model_type") throws(Fault) -> Family {
        let known = Family.all.map(\.name).joined(separator: ", ")
        guard let name = value(key)?.stringValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "one of \(known)")
        }
        guard let family = Family.all.first(where: { $0.name == name }) else {
            throw fault(
                key, found: "the string \"\(name.prefix(60))\"", expected: "one of \(known)",
                advice: "use a model of one of these families; nearest name: \(nearest(name))")
        }
        return family
    }

    private func nearest(_ name: String) -> String {
        // The longest shared start decides: family names differ in their endings (qwen2_moe, llama4).
        let scored = Family.all.map { ($0.name, $0.name.commonPrefix(with: name.lowercased()).count) }
        return scored.max { $0.1 < $1.1 }?.0 ?? ""
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> Substring {
        prefix(zip(self, other).prefix { $0 == $1 }.count)
    }
}

extension JSONValue {
    /// A value as a message shows it: small ones as they stand, others by their kind.
    var shown: String {
        switch self {
        case .bool(let flag): flag ? "true" : "false"
        default: kindName
        }
    }
}
