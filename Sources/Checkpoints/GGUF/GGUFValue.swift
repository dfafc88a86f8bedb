import Faults

/// The element types of GGUF metadata, with their codes in the file.
enum GGUFValueType: UInt32, Sendable {
    case uint8 = 0
    case int8 = 1
    case uint16 = 2
    case int16 = 3
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
    case uint64 = 10
    case int64 = 11
    case float64 = 12

    /// Bytes of one scalar; nil for strings and arrays.
    var byteCount: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}

/// One value of GGUF metadata. Arrays of numbers stay packed as in the file, so that a hostile file cannot make us
/// allocate many times its own size.
enum GGUFValue: Sendable {
    case integer(Int, GGUFValueType)
    /// An unsigned integer beyond `Int.max`.
    case hugeInteger(UInt64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(String)
    case strings(PackedStrings)
    case packed([UInt8], GGUFValueType)

    init(scalar bytes: some Collection<UInt8>, _ type: GGUFValueType) {
        let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch type {
        case .uint8, .uint16, .uint32: self = .integer(Int(bits), type)
        case .int8: self = .integer(Int(Int8(truncatingIfNeeded: bits)), type)
        case .int16: self = .integer(Int(Int16(truncatingIfNeeded: bits)), type)
        case .int32: self = .integer(Int(Int32(truncatingIfNeeded: bits)), type)
        case .int64: self = .integer(Int(Int64(bitPattern: bits)), type)
        case .uint64: self = bits <= UInt64(Int.max) ? .integer(Int(bits), type) : .hugeInteger(bits)
        case .float32: self = .float32(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .float64: self = .float64(Double(bitPattern: bits))
        case .bool, .string, .array: self = .bool(bits != 0)
        }
    }

    var isArray: Bool {
        switch self {
        case .strings, .packed: true
        default: false
        }
    }

    /// The elements of a packed array, made one after another as they are asked for.
    var elements: LazyMapSequence<Range<Int>, GGUFValue>? {
        guard case .packed(let bytes, let type) = self, let size = type.byteCount else { return nil }
        return (0..<bytes.count / size).lazy.map {
            GGUFValue(scalar: bytes[$0 * size..<($0 + 1) * size], type)
        }
    }

    /// What kind of value this is, for messages.
    var kindName: String {
        switch self {
        case .integer(let value, _): "the integer \(value)"
        case .hugeInteger(let value): "the integer \(value)"
        case .float32(let value): "the number \(value)"
        case .float64(let value): "the number \(value)"
        case .bool(let value): "the boolean \(value)"
        case .string(let value): "the string \"\(value.prefix(60))\""
        case .strings(let values): "an array of \(values.count) strings"
        case .packed(let bytes, let type): "an array of \(bytes.count / (type.byteCount ?? 1)) numbers"
        }
    }
}
