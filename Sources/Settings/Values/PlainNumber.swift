/// Decimal numbers as people write them.
///
/// Swift's own parsers also take hexadecimal, "nan" and "infinity"; YAML's take "010" as eight and "1_000". None of
/// these is what the writer of a recipe meant.
package enum PlainNumber {
    package static func double(_ text: String) -> Double? {
        var digits = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "-"), UInt8(ascii: "+"): break
            default: return nil
            }
        }
        guard digits > 0, let value = Double(text), value.isFinite else { return nil }
        return value
    }

    package static func integer<Value: FixedWidthInteger>(_ text: String) -> Value? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), digits == "0" || !digits.hasPrefix("0")
        else { return nil }
        return Value(text)
    }
}
