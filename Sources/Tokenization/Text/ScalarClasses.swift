/// The Unicode classes that pre-tokenizers ask for, by table for the Basic Multilingual Plane.
///
/// `letter` and `number` are what Oniguruma's `\p{L}` and `\p{N}` match in the reference implementation, whose Unicode
/// version is 16: scalars assigned later count as unassigned there, so here too. `numeric` is Rust's
/// `char::is_numeric`, used by the `Digits` pre-tokenizer, which follows the newest version.
struct ScalarClasses: Sendable {
    static let letter: UInt8 = 1
    static let number: UInt8 = 2
    /// White_Space, as `\s` in both engines.
    static let space: UInt8 = 4
    static let numeric: UInt8 = 8
    /// `\r` and `\n`.
    static let newline: UInt8 = 16
    /// Anything that is `[^\s\p{L}\p{N}]`.
    static let other: UInt8 = 32

    private let table: [UInt8]

    init() {
        table = (UInt32(0)..<0x10000).map { ScalarClasses.computed($0) }
    }

    @inline(__always)
    func of(_ scalar: UInt32) -> UInt8 {
        scalar < 0x10000 ? table[Int(scalar)] : ScalarClasses.computed(scalar)
    }

    private static func computed(_ value: UInt32) -> UInt8 {
        guard let scalar = Unicode.Scalar(value) else { return other }
        let properties = scalar.properties
        if properties.isWhitespace { return value == 10 || value == 13 ? space | newline : space }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            return isInUnicode16(properties) ? letter : other
        case .decimalNumber, .letterNumber, .otherNumber:
            return isInUnicode16(properties) ? number | numeric : other | numeric
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
