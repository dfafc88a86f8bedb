/// What stands before the weights of a GGUF file: metadata, and where each tensor lies.
package struct GGUFHeader {
    /// A tensor that is to be written.
    package struct Tensor {
        package var name: String
        /// Rows first.
        package var shape: [Int]
        package var type: GGUFTensorType

        /// - Parameters:
        ///   - name: GGUF's, of 63 bytes at most.
        ///   - shape: rows first; a row is whole blocks of the type.
        package init(_ name: String, _ shape: [Int], _ type: GGUFTensorType) {
            precondition(name.utf8.count < 64 && (shape.last ?? 1) % type.blockSize == 0)
            self.name = name
            self.shape = shape
            self.type = type
        }

        package var count: Int { shape.reduce(1, *) }
        package var byteCount: Int { count / type.blockSize * type.blockBytes }
        /// Zeros behind it, up to where the next one may begin.
        package var padding: Int { GGUFHeader.padding(byteCount) }
    }

    /// Up to where the first tensor begins.
    package let bytes: [UInt8]
    /// Of the whole file.
    package let fileBytes: Int

    private static let alignment = 32

    fileprivate static func padding(_ count: Int) -> Int { (alignment - count % alignment) % alignment }

    /// - Parameter tensors: in the order in which they follow, each with its padding.
    package init(_ keys: GGUFKeys, _ tensors: [Tensor]) {
        var bytes = Array("GGUF".utf8)
        append(UInt32(3), to: &bytes)
        append(UInt64(tensors.count), to: &bytes)
        append(UInt64(keys.metadata.keys.count), to: &bytes)
        for key in keys.metadata.keys {
            guard let value = keys.metadata[key] else { continue }
            append(key, to: &bytes)
            append(value, to: &bytes)
        }
        var offset = 0
        for tensor in tensors {
            append(tensor.name, to: &bytes)
            append(UInt32(tensor.shape.count), to: &bytes)
            for size in tensor.shape.reversed() { append(UInt64(size), to: &bytes) }
            append(tensor.type.rawValue, to: &bytes)
            append(UInt64(offset), to: &bytes)
            offset += tensor.byteCount + tensor.padding
        }
        bytes += [UInt8](repeating: 0, count: GGUFHeader.padding(bytes.count))
        self.bytes = bytes
        fileBytes = bytes.count + offset
    }
}

private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
}

private func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &bytes)
    bytes += text.utf8
}

/// A value's type and the value.
private func append(_ value: GGUFValue, to bytes: inout [UInt8]) {
    func type(_ type: GGUFValueType) { append(type.rawValue, to: &bytes) }
    switch value {
    case .integer(let value, let kind):
        type(kind)
        withUnsafeBytes(of: UInt64(bitPattern: Int64(value)).littleEndian) {
            bytes.append(contentsOf: $0.prefix(kind.byteCount ?? 8))
        }
    case .hugeInteger(let value):
        type(.uint64)
        append(value, to: &bytes)
    case .float32(let value):
        type(.float32)
        append(value.bitPattern, to: &bytes)
    case .float64(let value):
        type(.float64)
        append(value.bitPattern, to: &bytes)
    case .bool(let value):
        type(.bool)
        bytes.append(value ? 1 : 0)
    case .string(let text):
        type(.string)
        append(text, to: &bytes)
    case .strings(let texts):
        type(.array)
        type(.string)
        append(UInt64(texts.count), to: &bytes)
        bytes += texts.packed
    case .packed(let elements, let kind):
        type(.array)
        type(kind)
        append(UInt64(elements.count / (kind.byteCount ?? 1)), to: &bytes)
        bytes += elements
    }
}
