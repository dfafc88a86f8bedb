import Faults

/// An array of strings as it stands in a GGUF header: for each its length in eight bytes, then its bytes. Strings are
/// made as they are asked for, so that a list which nobody reads takes no more memory than the file.
struct PackedStrings: Sequence, Sendable {
    let count: Int
    private let bytes: [UInt8]

    /// - Throws: `badData` for what is not UTF-8 or goes beyond the file.
    init(_ cursor: inout GGUFCursor, _ what: String) throws(Fault) {
        count = try cursor.count(what, size: 8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * count)
        for _ in 0..<count {
            let length = try cursor.count(what, size: 1)
            let start = cursor.offset
            let text = try cursor.bytes(length, what)
            guard PackedStrings.isUTF8(text) else { throw cursor.notUTF8(start, what) }
            Swift.withUnsafeBytes(of: UInt64(length).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: text)
        }
        self.bytes = bytes
    }

    private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        // Most strings are ASCII, and no copy is then made of them.
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }

    func makeIterator() -> AnyIterator<String> {
        var at = 0
        let bytes = bytes
        return AnyIterator {
            guard at < bytes.count else { return nil }
            let length = bytes[at..<at + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
            at += 8 + length
            return String(decoding: bytes[at - length..<at], as: UTF8.self)
        }
    }
}
