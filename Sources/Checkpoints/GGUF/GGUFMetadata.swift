import Faults
import JSONText

/// The key-value part of a GGUF file, with typed access that says which key is wrong.
struct GGUFMetadata: Sendable {
    let file: String
    private(set) var keys: [String] = []
    private var values: [ExactText: GGUFValue] = [:]

    /// Of a list that is read, such as the tokens; vocabularies have some 300,000, with up to 450,000 merges.
    static let mostStrings = 1 << 19

    init(file: String) { self.file = file }

    /// - Returns: false when the key is there already.
    mutating func insert(_ key: String, _ value: GGUFValue) -> Bool {
        guard values[ExactText(key)] == nil else { return false }
        values[ExactText(key)] = value
        keys.append(key)
        return true
    }

    subscript(key: String) -> GGUFValue? { values[ExactText(key)] }

    func integer(_ key: String) throws(Fault) -> Int? {
        guard let value = self[key] else { return nil }
        guard case .integer(let integer, _) = value else { throw wrong(key, value, "an integer") }
        return integer
    }

    /// A token's id; nil as well for the id that writers put where there is no token, -1 or the same bits unsigned.
    func token(_ key: String) throws(Fault) -> Int? {
        guard let id = try integer(key), id != -1, id != Int(UInt32.max) else { return nil }
        return id
    }

    func number(_ key: String) throws(Fault) -> Double? {
        switch self[key] {
        case nil: return nil
        // The shortest decimal that rounds to the float32, so that 1e-5 stays 1e-5.
        case .float32(let value) where value.isFinite: return Double(value.description)
        case .float64(let value) where value.isFinite: return value
        case .integer(let value, _): return Double(value)
        case .some(let value): throw wrong(key, value, "a finite number")
        }
    }

    func bool(_ key: String) throws(Fault) -> Bool? {
        guard let value = self[key] else { return nil }
        guard case .bool(let bool) = value else { throw wrong(key, value, "a boolean") }
        return bool
    }

    func string(_ key: String) throws(Fault) -> String? {
        guard let value = self[key] else { return nil }
        guard case .string(let string) = value else { throw wrong(key, value, "a string") }
        return string
    }

    func packedStrings(_ key: String) throws(Fault) -> PackedStrings? {
        guard let value = self[key] else { return nil }
        if case .packed(let bytes, _) = value, bytes.isEmpty { return PackedStrings() }
        guard case .strings(let strings) = value else { throw wrong(key, value, "an array of strings") }
        guard strings.count <= GGUFMetadata.mostStrings else {
            throw Fault(
                .badData, "a list of the GGUF metadata is too long", file: file, place: "key '\(key)'",
                found: "\(strings.count) strings", expected: "at most \(GGUFMetadata.mostStrings)",
                advice: "the file is damaged or malicious; download it again from a source that you trust")
        }
        return strings
    }

    func integers(_ key: String) throws(Fault) -> [Int]? {
        guard let value = self[key] else { return nil }
        guard let elements = value.elements else { throw wrong(key, value, "an array of integers") }
        var integers: [Int] = []
        integers.reserveCapacity(elements.count)
        for element in elements {
            guard case .integer(let integer, _) = element else { throw wrong(key, value, "an array of integers") }
            integers.append(integer)
        }
        return integers
    }

    func floats(_ key: String) throws(Fault) -> [Float]? {
        guard let value = self[key] else { return nil }
        guard let elements = value.elements else { throw wrong(key, value, "an array of float32 numbers") }
        var floats: [Float] = []
        floats.reserveCapacity(elements.count)
        for element in elements {
            guard case .float32(let float) = element else { throw wrong(key, value, "an array of float32 numbers") }
            floats.append(float)
        }
        return floats
    }

    /// The value of a key that must be there.
    func required<Value>(_ key: String, _ value: Value?) throws(Fault) -> Value {
        guard let value else {
            throw Fault(
                .badData, "the GGUF metadata lacks a key", file: file, place: "key '\(key)'",
                advice: "convert the model again with a current converter")
        }
        return value
    }

    func wrong(_ key: String, _ value: GGUFValue, _ expected: String) -> Fault {
        Fault(
            .badData, "a GGUF metadata value has the wrong type", file: file, place: "key '\(key)'",
            found: value.kindName, expected: expected)
    }
}
