import Faults

/// Strings and their escapes.
extension JSONParser {
    mutating func string() throws(Fault) -> String {
        at += 1
        let start = at
        var ascii = true
        while at < text.count {
            let byte = text[at]
            if byte == UInt8(ascii: "\"") {
                defer { at += 1 }
                return try decoded(text[start..<at], ascii: ascii)
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw fault("a string contains a control character") }
            if byte >= 0x80 { ascii = false }
            at += 1
        }
        throw fault("a string is not closed")
    }

    /// A string with escapes, from its first byte; `at` stands on the first backslash.
    private mutating func escapedString(from start: Int) throws(Fault) -> String {
        var end = at
        while end < text.count, text[end] != UInt8(ascii: "\"") { end += text[end] == UInt8(ascii: "\\") ? 2 : 1 }
        guard end < text.count else {
            at = text.count
            throw fault("a string is not closed")
        }
        // What escapes stand for is UTF-8, so that the whole is where the text is.
        guard UTF8Check.isValid(UnsafeBufferPointer(rebasing: text[start..<end])) else {
            throw fault("a string is not UTF-8")
        }
        // No escape is shorter than what it stands for.
        if end - start > 15 { try take(memory: end - start + JSONParser.header) }
        var refusal: Fault?
        let string = String(unsafeUninitializedCapacity: end - start) { buffer in
            do throws(Fault) { return try unescape(from: start, to: end, into: buffer) } catch {
                refusal = error
                return 0
            }
        }
        if let refusal { throw refusal }
        at = end + 1
        return string
    }

    /// Writes what a string with escapes stands for.
    ///
    /// - Returns: bytes written.
    private mutating func unescape(
        from start: Int, to end: Int, into buffer: UnsafeMutableBufferPointer<UInt8>
    ) throws(Fault) -> Int {
        var count = 0
        func put(_ byte: UInt8) {
            buffer[count] = byte
            count += 1
        }
        at = start
        while at < end {
            let byte = text[at]
            at += 1
            guard byte == UInt8(ascii: "\\") else {
                guard byte >= 0x20 else { throw fault("a string contains a control character") }
                put(byte)
                continue
            }
            let escape = text[at]
            at += 1
            switch escape {
            case UInt8(ascii: "n"): put(10)
            case UInt8(ascii: "t"): put(9)
            case UInt8(ascii: "r"): put(13)
            case UInt8(ascii: "b"): put(8)
            case UInt8(ascii: "f"): put(12)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): put(escape)
            case UInt8(ascii: "u"): for byte in UTF8.encode(try unicodeEscape()) ?? .init() { put(byte) }
            default: throw fault("a string contains an unknown escape")
            }
        }
        return count
    }

    /// `XXXX` after `\u`, joined with a following low surrogate.
    private mutating func unicodeEscape() throws(Fault) -> Unicode.Scalar {
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), at + 1 < text.count, text[at] == UInt8(ascii: "\\"),
            text[at + 1] == UInt8(ascii: "u")
        else { throw fault("a string contains half of a surrogate pair") }
        at += 2
        let second = try fourHexDigits()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw fault("a string contains half of a surrogate pair") }
        return scalar
    }

    private mutating func fourHexDigits() throws(Fault) -> UInt32 {
        guard at + 4 <= text.count else { throw fault("four hexadecimal digits were expected") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let digit = text[at]
            switch digit {
            case 48...57: value = value << 4 | UInt32(digit - 48)
            case 65...70: value = value << 4 | UInt32(digit - 55)
            case 97...102: value = value << 4 | UInt32(digit - 87)
            default: throw fault("four hexadecimal digits were expected")
            }
            at += 1
        }
        return value
    }

    mutating func decoded(_ bytes: some Collection<UInt8>, ascii: Bool) throws(Fault) -> String {
        // Shorter texts stand in the value itself.
        if bytes.count > 15 { try take(memory: bytes.count + JSONParser.header) }
        if ascii { return String(decoding: bytes, as: UTF8.self) }
        guard let string = String(validating: bytes, as: UTF8.self) else { throw fault("a string is not UTF-8") }
        return string
    }
}
