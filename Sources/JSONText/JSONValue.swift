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
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The number when its text is a plain integer that fits; `1.0` and `1e3` are not.
    public var integerValue: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    public var doubleValue: Double? { if case .number(let text) = self { Double(text) } else { nil } }

    /// What kind of value this is, for messages.
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number(let text): "the number \(text.prefix(60))"
        case .string(let text): "the string \"\(text.prefix(60))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Members in the order of the text, found by key in constant time.
public struct JSONObject: Sendable {
    /// The members in the order of the text.
    public private(set) var members: [(key: String, value: JSONValue)] = []
    private var table = JSONKeyTable()

    public init() {}

    public var keys: [String] { members.map(\.key) }

    private func position(_ key: String) -> Int? { table.position(key, in: members) }

    /// Of equal keys the last one counts.
    public init(_ members: [(String, JSONValue)]) {
        self.init()
        for (key, value) in members { self[key] = value }
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

    /// Assigning to a new key appends it, to an old one replaces its value in place, and nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { position(key).map { members[$0].value } }
        set {
            if let newValue {
                if let position = position(key) {
                    members[position].value = newValue
                } else {
                    append(key, newValue)
                }
            } else if let position = position(key) {
                members.remove(at: position)
                table.rebuild(members)
            }
        }
    }

    mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    mutating func append(_ key: String, _ value: JSONValue) {
        members.append((key, value))
        table.noteLast(members)
    }

    /// The value of a key; nil for a key that is not there and for a null.
    public func present(_ key: String) -> JSONValue? { self[key].flatMap { $0.isNull ? nil : $0 } }

    func contains(_ key: String) -> Bool { position(key) != nil }
}

extension JSONObject: Equatable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) { $0.key == $1.key && $0.value == $1.value }
    }
}
