/// The scalars that one place of a regular expression admits.
struct ScalarSet: Sendable {
    enum Kind: Sendable {
        case digit, word, space, any
        /// A general category, "Lu", or a group of them, "L".
        case category(String)

        func contains(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .any: return true
            case .space: return scalar.properties.isWhitespace
            case .digit: return scalar.properties.generalCategory == .decimalNumber
            case .word:
                if scalar.isASCII {
                    return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                        || scalar == "_"
                }
                switch scalar.properties.generalCategory {
                case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
                default: return scalar.properties.isAlphabetic || scalar.properties.isJoinControl
                }
            case .category(let name):
                return ScalarSet.categoryName(scalar.properties.generalCategory).hasPrefix(name)
            }
        }
    }

    var ranges: [ClosedRange<UInt32>] = []
    /// Kinds, each with whether its members are left out.
    var kinds: [(kind: Kind, isNegated: Bool)] = []
    var isNegated = false
    var ignoresCase = false

    /// How much a look at the set costs against a single scalar.
    var cost: Int { max(1, ranges.count + kinds.count) * (ignoresCase ? 4 : 1) }

    init() {}

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    init(_ kind: Kind, isNegated: Bool = false) { kinds = [(kind, isNegated)] }

    /// What a dot admits.
    static func dot(withLineBreaks: Bool) -> ScalarSet {
        var set = ScalarSet(.any)
        guard !withLineBreaks else { return set }
        set.kinds = []
        set.ranges = [0x0A...0x0D, 0x85...0x85, 0x2028...0x2029]
        set.isNegated = true
        return set
    }

    static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
        (0x0A...0x0D).contains(scalar.value) || scalar.value == 0x85 || (0x2028...0x2029).contains(scalar.value)
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var isMember = holds(scalar)
        if !isMember, ignoresCase, scalar.isASCII {
            // Upper and lower letters differ in this bit.
            isMember = scalar.properties.isAlphabetic && holds(Unicode.Scalar(UInt8(scalar.value) ^ 0x20))
        } else if !isMember, ignoresCase {
            let properties = scalar.properties
            isMember = [properties.lowercaseMapping, properties.uppercaseMapping].contains { mapping in
                let scalars = mapping.unicodeScalars
                return scalars.count == 1 && holds(scalars.first ?? scalar)
            }
        }
        return isMember != isNegated
    }

    private func holds(_ scalar: Unicode.Scalar) -> Bool {
        ranges.contains { $0.contains(scalar.value) }
            || kinds.contains { $0.kind.contains(scalar) != $0.isNegated }
    }

    static func isCategory(_ name: String) -> Bool {
        names.contains { $0 == name || (name.count == 1 && $0.hasPrefix(name)) }
    }

    private static let names = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    private static func categoryName(_ category: Unicode.GeneralCategory) -> String {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        default: "Cn"
        }
    }
}
