/// gzip in its plainest form: nothing is packed, the check sum is right.
public enum StoredGzip {
    public static func of(_ bytes: some Collection<UInt8>) -> [UInt8] {
        func number(_ value: UInt32, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
        }
        var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        var rest = bytes[...]
        repeat {
            let part = rest.prefix(65_535)
            rest = rest.dropFirst(part.count)
            packed.append(rest.isEmpty ? 1 : 0)
            packed += number(UInt32(part.count), 2) + number(UInt32(part.count) ^ 0xFFFF, 2) + part
        } while !rest.isEmpty
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
        }
        return packed + number(~sum, 4) + number(UInt32(truncatingIfNeeded: bytes.count), 4)
    }

    public static func of(_ text: String) -> [UInt8] { of(Array(text.utf8)) }
}
