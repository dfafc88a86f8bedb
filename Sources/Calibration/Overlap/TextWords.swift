/// The words of a text, so that two texts can be compared that were tokenised differently: letters and digits in lower
/// case, whatever stands between them. Where a script puts no spaces between words, every character is one.
enum TextWords {
    static func of(_ text: String) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        func close() {
            if !word.isEmpty { words.append(word) }
            word.removeAll(keepingCapacity: true)
        }
        for scalar in text.unicodeScalars {
            // Most text: without a look into the tables.
            switch scalar.value {
            case 0x61...0x7A, 0x30...0x39: word.append(UInt8(scalar.value))
            case 0x41...0x5A: word.append(UInt8(scalar.value) | 0x20)
            case 0..<0x80: close()
            default:
                guard isInWord(scalar) else {
                    close()
                    continue
                }
                if isWordOfItsOwn(scalar) { close() }
                word += Array(scalar.properties.lowercaseMapping.utf8)
                if isWordOfItsOwn(scalar) { close() }
            }
        }
        close()
        return words
    }

    private static func isInWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType != nil || properties.generalCategory == .nonspacingMark
    }

    /// Thai, Lao, Myanmar, Khmer, kana, Han and the like.
    private static func isWordOfItsOwn(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3040...0x30FF, 0x3400...0x9FFF, 0xF900...0xFAFF,
            0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
