/// GPT-2's writing of bytes as printable characters, in which byte-level vocabularies are stored.
///
/// Printable Latin-1 bytes stand for themselves; the other 68 take the code points from U+0100 up, in order.
struct ByteAlphabet: Sendable {
    /// The UTF-8 of the character for each byte.
    let characters: [[UInt8]]
    /// The byte for each scalar below U+0144, or nil.
    private let bytes: [UInt8?]

    init() {
        var characters: [[UInt8]] = []
        var bytes = [UInt8?](repeating: nil, count: 0x144)
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            var value = UInt32(byte)
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: break
            default:
                value = next
                next += 1
            }
            characters.append(Unicode.Scalar(value).map { Array(String($0).utf8) } ?? [])
            bytes[Int(value)] = byte
        }
        self.characters = characters
        self.bytes = bytes
    }

    /// The byte that a scalar stands for.
    @inline(__always)
    func byte(for scalar: UInt32) -> UInt8? { scalar < 0x144 ? bytes[Int(scalar)] : nil }

    /// The bytes that a token stands for; a token with any character outside the alphabet stands for its own UTF-8.
    func decoded(_ token: UTF8Text) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(token.count)
        var at = 0
        while at < token.count {
            let (scalar, length) = token.scalar(at: at)
            guard let byte = byte(for: scalar) else { return Array(token) }
            output.append(byte)
            at += length
        }
        return output
    }
}
