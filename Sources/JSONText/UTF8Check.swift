/// Whether bytes are UTF-8, found out without a copy of them, as making a `String` would need.
public enum UTF8Check {
    public static func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBufferPointer(isValid) }

    /// By table 3-7 of the Unicode standard.
    public static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var at = 0
        let count = bytes.count
        while at < count {
            let lead = bytes[at]
            at += 1
            guard lead >= 0x80 else { continue }
            var second: ClosedRange<UInt8> = 0x80...0xBF
            let length: Int
            switch lead {
            case 0xC2...0xDF: length = 1
            case 0xE0: (length, second) = (2, 0xA0...0xBF)
            case 0xED: (length, second) = (2, 0x80...0x9F)
            case 0xE1...0xEF: length = 2
            case 0xF0: (length, second) = (3, 0x90...0xBF)
            case 0xF4: (length, second) = (3, 0x80...0x8F)
            case 0xF1...0xF3: length = 3
            default: return false
            }
            guard at + length <= count, second.contains(bytes[at]) else { return false }
            for further in at + 1..<max(at + 1, at + length) where bytes[further] & 0xC0 != 0x80 { return false }
            at += length
        }
        return true
    }
}
