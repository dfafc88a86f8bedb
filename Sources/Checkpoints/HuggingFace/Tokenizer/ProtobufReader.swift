import Faults

/// The fields of one protobuf message, in the order of the bytes; never past their end.
struct ProtobufReader {
    enum Value {
        case number(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
        /// Eight bytes that nothing here needs.
        case fixed64
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field's number and value, or nil at the end.
    ///
    /// - Throws: `badData` with the byte where the message breaks off.
    mutating func next() throws(Fault) -> (field: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        guard key >> 3 > 0, let field = Int(exactly: key >> 3) else { throw broken("a field without a number") }
        switch key & 7 {
        case 0: return (field, .number(try varint()))
        case 1:
            _ = try take(8)
            return (field, .fixed64)
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw broken("a length of \(count) bytes") }
            return (field, .bytes(try take(Int(count))))
        case 5: return (field, .fixed32(try take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
        default: throw broken("a field of type \(key & 7)")
        }
    }

    private mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw broken("\(rest.count) bytes of \(count)") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func varint() throws(Fault) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw broken("the end of the file") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw broken("a number of more than 64 bits")
    }

    private func broken(_ found: String) -> Fault {
        Fault(
            .badData, "the file is not a SentencePiece model", place: "byte \(rest.startIndex)", found: found,
            advice: "download the file again and compare its size with the source's")
    }
}
