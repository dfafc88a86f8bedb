@testable import Checkpoints

/// Builds GGUF files by hand, sound or broken.
struct GGUFBuilder {
    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    /// What the header claims; nil is the truth.
    var tensorCount: UInt64?
    var pairCount: UInt64?
    var pairs: [[UInt8]] = []
    var tensors: [[UInt8]] = []
    var alignment = 32
    var data: [UInt8] = []

    static func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

    mutating func pair(_ key: String, _ type: GGUFValueType, _ value: [UInt8]) {
        pairs.append(GGUFBuilder.string(key) + littleEndian(type.rawValue) + value)
    }

    mutating func set(_ key: String, _ value: String) { pair(key, .string, GGUFBuilder.string(value)) }
    mutating func set(_ key: String, _ value: UInt32) { pair(key, .uint32, littleEndian(value)) }
    mutating func set(_ key: String, _ value: Float) { pair(key, .float32, littleEndian(value.bitPattern)) }
    mutating func set(_ key: String, _ value: Bool) { pair(key, .bool, [value ? 1 : 0]) }

    mutating func set(_ key: String, _ values: [String]) {
        pair(
            key, .array,
            littleEndian(GGUFValueType.string.rawValue) + littleEndian(UInt64(values.count))
                + values.flatMap { GGUFBuilder.string($0) })
    }

    mutating func set(_ key: String, _ values: [Int32]) {
        pair(
            key, .array,
            littleEndian(GGUFValueType.int32.rawValue) + littleEndian(UInt64(values.count))
                + values.flatMap { littleEndian($0) })
    }

    /// A tensor's entry; `sizes` in the file's order. Its data is appended at the right place.
    mutating func tensor(_ name: String, _ sizes: [UInt64], type: UInt32 = 0, offset: UInt64? = nil, data: [UInt8]) {
        while self.data.count % alignment != 0 { self.data.append(0) }
        tensors.append(
            GGUFBuilder.string(name) + littleEndian(UInt32(sizes.count)) + sizes.flatMap { littleEndian($0) }
                + littleEndian(type) + littleEndian(offset ?? UInt64(self.data.count)))
        self.data += data
    }

    mutating func tensor(_ name: String, _ shape: [Int]) {
        let count = shape.reduce(1, *)
        let values = (0..<count).map { Float($0) }
        tensor(name, shape.reversed().map { UInt64($0) }, data: bytes(of: values))
    }

    /// The whole file.
    var file: [UInt8] {
        var file = magic + littleEndian(version) + littleEndian(tensorCount ?? UInt64(tensors.count))
        file += littleEndian(pairCount ?? UInt64(pairs.count))
        file += pairs.flatMap { $0 } + tensors.flatMap { $0 }
        while file.count % alignment != 0 { file.append(0) }
        return file + data
    }
}
