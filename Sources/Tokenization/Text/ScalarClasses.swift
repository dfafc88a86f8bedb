/// The Unicode classes that pre-tokenizers ask for, by table for the Basic Multilingual Plane.
///
/// `letter` and `number` are what Oniguruma's `\p{L}` and `\p{N}` match in the reference implementation, whose Unicode
/// version is 16: scalars assigned later count as unassigned there, so here too. `numeric` is Rust's
/// `char::is_numeric`, used by the `Digits` pre-tokenizer, which follows the newest version.
struct ScalarClasses: Sendable {
    static let letter: UInt16 = 1
    static let number: UInt16 = 2
    /// White_Space, as `\s` in both engines.
    static let space: UInt16 = 4
    static let numeric: UInt16 = 8
    /// `\r` and `\n`.
    static let newline: UInt16 = 16
    /// Anything that is `[^\s\p{L}\p{N}]`.
    static let other: UInt16 = 32

    /// `\p{Lu}` and `\p{Lt}`; also a letter.
    static let upper: UInt16 = 64
    /// `\p{Ll}`; also a letter.
    static let lower: UInt16 = 128
    /// `\p{M}`; also other.
    static let mark: UInt16 = 256
    /// `\p{P}`; also other.
    static let punctuation: UInt16 = 512
    /// `\p{S}`; also other.
    static let symbol: UInt16 = 1024

    private let table = ScalarClasses.basicPlane

    /// Computed once: a constant that would be long to write out.
    private static let basicPlane: [UInt16] = (0..<0x10000).map { computed($0) }

    @inline(__always)
    func of(_ scalar: UInt32) -> UInt16 {
        scalar < 0x10000 ? table[Int(scalar)] : ScalarClasses.computed(scalar)
    }

    private static func computed(_ value: UInt32) -> UInt16 {
        guard let scalar = Unicode.Scalar(value) else { return other }
        let properties = scalar.properties
        if properties.isWhitespace { return value == 10 || value == 13 ? space | newline : space }
        switch properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: return isInUnicode16(properties) ? letter | upper : other
        case .lowercaseLetter: return isInUnicode16(properties) ? letter | lower : other
        case .modifierLetter, .otherLetter: return isInUnicode16(properties) ? letter : other
        case .nonspacingMark, .spacingMark, .enclosingMark: return isInUnicode16(properties) ? other | mark : other
        case .decimalNumber, .letterNumber, .otherNumber:
            return isInUnicode16(properties) ? number | numeric : other | numeric
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return isInUnicode16(properties) ? other | punctuation : other
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol:
            return isInUnicode16(properties) ? other | symbol : other
        default: return other
        }
    }

    static func isInUnicode16(_ properties: Unicode.Scalar.Properties) -> Bool {
        properties.age.map { $0.major <= 16 } ?? false
    }
}

/// Whether a scalar belongs to a word in the sense of the regular expression `\w` in Unicode 16: used for
/// `single_word` tokens.
func isWordScalar(_ value: UInt32) -> Bool {
    guard let properties = Unicode.Scalar(value)?.properties, ScalarClasses.isInUnicode16(properties) else {
        return false
    }
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
}
