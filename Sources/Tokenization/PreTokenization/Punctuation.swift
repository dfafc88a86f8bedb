/// Whether the pre-tokenizer `Punctuation` cuts at a scalar: the signs of ASCII, and the punctuation of Unicode 8,
/// whose data the reference implementation has.
func isPunctuation(_ value: UInt32) -> Bool {
    switch value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
    // Punctuation then, and something else since.
    case 0x166D, 0x111C9: return true
    default: break
    }
    guard let properties = Unicode.Scalar(value)?.properties, let age = properties.age, age.major <= 8 else {
        return false
    }
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation:
        return true
    default: return false
    }
}
