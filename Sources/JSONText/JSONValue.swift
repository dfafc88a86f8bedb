/// A JSON document that keeps what Foundation's reader drops: the order of keys and the text of numbers.
///
/// `config.json` must survive an edit byte-for-meaning (unknown keys, 2^63 integers, `1e-05`), and a duplicate key is
/// an attack or a mistake, so it is an error here.
public enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The number as written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    public static func integer(_ value: Int) -> JSONValue { .number(String(value)) }

    /// A finite number, or null: JSON has no NaN.
    public static func double(_ value: Double) -> JSONValue { value.isFinite ? .number("\(value)") : .null }

    public static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        return .object(object)
    }

    public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }
    public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var isNull: Bool { self == .null }

    /// The number when its text is a plain integer that fits; `1.0` and `1e3` are not.
    public var integerValue: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    public var doubleValue: Double? { if case .number(let text) = self { Double(text) } else { nil } }

    /// What kind of value this is, for messages.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number(let text): "the number \(text)"
        case .string(let text): "the string \"\(text.prefix(60))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Members in the order of the text, found by key in constant time.
public struct JSONObject: Sendable {
    public private(set) var keys: [String] = []
    private var values: [JSONValue] = []
    /// Of keys, where they are too many to look through.
    private var positions: [ExactText: Int] = [:]

    /// Up to so many, looking through the keys is as fast as a table of them, which takes several times their memory.
    private static let few = 8

    public init() {}

    private func position(_ key: String) -> Int? {
        guard keys.count <= JSONObject.few else { return positions[ExactText(key)] }
        return keys.firstIndex { ExactText($0) == ExactText(key) }
    }

    private static func table(_ keys: [String]) -> [ExactText: Int] {
        guard keys.count > few else { return [:] }
        return Dictionary(keys.enumerated().map { (ExactText($1), $0) }, uniquingKeysWith: { _, last in last })
    }

    /// Of equal keys the last one counts.
    public init(_ members: [(String, JSONValue)]) {
        self.init()
        for (key, value) in members { self[key] = value }
    }

    public var count: Int { keys.count }
    public var isEmpty: Bool { keys.isEmpty }

    /// Assigning to a new key appends it, to an old one replaces its value in place, and nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { position(key).map { values[$0] } }
        set {
            if let newValue {
                if let position = position(key) {
                    values[position] = newValue
                } else {
                    append(key, newValue)
                }
            } else if let position = position(key) {
                keys.remove(at: position)
                values.remove(at: position)
                positions = JSONObject.table(keys)
            }
        }
    }

    /// The members in the order of the text.
    public var members: [(key: String, value: JSONValue)] { Array(zip(keys, values)).map { (key: $0.0, value: $0.1) } }

    mutating func append(_ key: String, _ value: JSONValue) {
        keys.append(key)
        values.append(value)
        if keys.count == JSONObject.few + 1 {
            positions = JSONObject.table(keys)
        } else if keys.count > JSONObject.few {
            positions[ExactText(key)] = keys.count - 1
        }
    }

    /// The value of a key; nil for a key that is not there and for a null.
    public func present(_ key: String) -> JSONValue? { self[key].flatMap { $0.isNull ? nil : $0 } }

    func contains(_ key: String) -> Bool { position(key) != nil }
}

extension JSONObject: Equatable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.keys == right.keys && left.values == right.values
    }
}
