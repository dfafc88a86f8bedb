import Faults
import JSONText

/// Typed access to `config.json` by key path ("rope_scaling.factor"); a wrong value is a fault that names the path.
public struct ConfigurationReader: Sendable {
    public let object: JSONObject
    public let file: String

    public init(_ object: JSONObject, file: String) {
        self.object = object
        self.file = file
    }

    /// The value at a path; nil when it is absent or null.
    public func value(_ path: String) -> JSONValue? {
        var current: JSONValue = .object(object)
        for part in path.split(separator: ".") {
            guard let next = current.objectValue?[String(part)] else { return nil }
            current = next
        }
        return current.isNull ? nil : current
    }

    public func integer(_ path: String) throws(Fault) -> Int? {
        guard let value = value(path) else { return nil }
        guard let integer = value.integerValue else { throw wrong(path, value, "an integer") }
        return integer
    }

    public func number(_ path: String) throws(Fault) -> Double? {
        guard let value = value(path) else { return nil }
        guard let number = value.doubleValue, number.isFinite else { throw wrong(path, value, "a finite number") }
        return number
    }

    public func boolean(_ path: String) throws(Fault) -> Bool? {
        guard let value = value(path) else { return nil }
        guard let boolean = value.boolValue else { throw wrong(path, value, "true or false") }
        return boolean
    }

    public func string(_ path: String) throws(Fault) -> String? {
        guard let value = value(path) else { return nil }
        guard let string = value.stringValue else { throw wrong(path, value, "a string") }
        return string
    }

    public func requiredString(_ path: String) throws(Fault) -> String { try required(path, string(path)) }

    private func required<Value>(_ path: String, _ value: Value?) throws(Fault) -> Value {
        guard let value else {
            throw Fault(
                .badData, "the configuration lacks a key", file: file, place: path, expected: "a value for '\(path)'")
        }
        return value
    }

    public func wrong(_ path: String, _ value: JSONValue, _ expected: String) -> Fault {
        Fault(
            .badData, "a value of the configuration is wrong", file: file, place: path, found: value.kindName,
            expected: expected)
    }
}
