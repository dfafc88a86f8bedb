import Faults

/// The metadata of a GGUF file that is to be written.
package struct GGUFKeys {
    private(set) var metadata: GGUFMetadata

    /// - Parameter file: the path of what is written, for messages.
    package init(file: String) { metadata = GGUFMetadata(file: file) }

    mutating func set(_ key: String, _ value: GGUFValue) {
        let isNew = metadata.insert(key, value)
        precondition(isNew, "a key of GGUF metadata is written once")
    }

    package mutating func set(_ key: String, _ text: String) { set(key, .string(text)) }
    package mutating func set(_ key: String, _ texts: [String]) { set(key, .strings(PackedStrings(texts))) }
    package mutating func set(_ key: String, _ flag: Bool) { set(key, .bool(flag)) }
    /// As float32, which the format's readers want.
    package mutating func set(_ key: String, _ number: Double) { set(key, .float32(Float(number))) }
    /// As uint32, which the format's readers want.
    ///
    /// - Parameter number: at least 0 and below 2^32.
    package mutating func set(_ key: String, _ number: Int) { set(key, .integer(Int(UInt32(number)), .uint32)) }

    /// As int32, which the format's readers want.
    package mutating func set(_ key: String, _ numbers: [Int]) {
        set(key, .packed(numbers.flatMap { GGUFKeys.bytes(UInt32(bitPattern: Int32($0))) }, .int32))
    }

    package mutating func set(_ key: String, _ numbers: [Float]) {
        set(key, .packed(numbers.flatMap { GGUFKeys.bytes($0.bitPattern) }, .float32))
    }

    private static func bytes(_ bits: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: bits.littleEndian) { Array($0) }
    }

    /// The tokenizer that readers make of the keys; nil where they tell of none.
    ///
    /// - Throws: as for a file that holds these keys.
    package func tokenizer() throws(Fault) -> FolderTokenizer? {
        try GGUFTokenizer(metadata).map { FolderTokenizer($0.text, file: metadata.file) }
    }
}
