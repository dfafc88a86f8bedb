import Faults

/// An array of strings as it stands in a GGUF header: for each its length in eight bytes, then its bytes. Strings are
/// made as they are asked for, so that a list takes little more memory than the file.
struct PackedStrings: Sendable {
    private let bytes: [UInt8]
    /// Where each string's length stands, and one more. A header is shorter than 2^32 bytes.
    private let starts: [UInt32]

    /// None.
    init() { (bytes, starts) = ([], [0]) }

    /// - Throws: `badData` for what is not UTF-8 or goes beyond the file.
    init(_ cursor: inout GGUFCursor, _ what: String) throws(Fault) {
        let count = try cursor.count(what, size: 8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * count)
        var starts: [UInt32] = []
        starts.reserveCapacity(count + 1)
        for _ in 0..<count {
            starts.append(UInt32(bytes.count))
            let length = try cursor.count(what, size: 1)
            let start = cursor.offset
            let text = try cursor.bytes(length, what)
            guard PackedStrings.isUTF8(text) else { throw cursor.notUTF8(start, what) }
            Swift.withUnsafeBytes(of: UInt64(length).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: text)
        }
        starts.append(UInt32(bytes.count))
        (self.bytes, self.starts) = (bytes, starts)
    }

    init(_ strings: some Sequence<String>) {
        var bytes: [UInt8] = []
        var starts: [UInt32] = []
        for text in strings {
            starts.append(UInt32(bytes.count))
            Swift.withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes += text.utf8
        }
        starts.append(UInt32(bytes.count))
        (self.bytes, self.starts) = (bytes, starts)
    }

    /// As it stands in a header.
    var packed: [UInt8] { bytes }

    private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        // Most strings are ASCII, and no copy is then made of them.
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }

    /// Calls with the bytes of one string, which are valid during the call.
    @inline(__always)
    func withBytes<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let range = Int(starts[index]) + 8..<Int(starts[index + 1])
        return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
    }
}

extension PackedStrings: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { starts.count - 1 }

    subscript(index: Int) -> String { withBytes(index) { String(decoding: $0, as: UTF8.self) } }
}
