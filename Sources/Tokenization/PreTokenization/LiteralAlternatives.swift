/// Literal texts, the longest before the shorter: what `a|b|c` matches when its parts stand in that order.
struct LiteralAlternatives: Sendable, Equatable {
    private let byFirst: [UInt8: [[UInt8]]]

    /// Bounds the work per place of a text.
    private static let mostBytes = 4096

    /// What means more than itself in a regular expression.
    private static let signs = Set(#"\^$.|?*+()[]{}"#.unicodeScalars)

    /// Nil for an expression of any other kind.
    init?(regex: String) {
        var parts: [[UInt8]] = [[]]
        var isEscaped = false
        for scalar in regex.unicodeScalars {
            let isLiteral = !LiteralAlternatives.signs.contains(scalar)
            if isEscaped {
                // An escaped letter or digit means something else.
                guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else { return nil }
                parts[parts.count - 1] += Array(String(scalar).utf8)
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "|" {
                parts.append([])
            } else if isLiteral {
                parts[parts.count - 1] += Array(String(scalar).utf8)
            } else {
                return nil
            }
        }
        guard !isEscaped, parts.allSatisfy({ !$0.isEmpty }), parts.joined().count <= LiteralAlternatives.mostBytes
        else {
            return nil
        }
        // Where two begin alike the first counts, so it must be the longer one.
        for (index, part) in parts.enumerated() {
            guard !parts[..<index].contains(where: { part.count > $0.count && part.starts(with: $0) }) else {
                return nil
            }
        }
        byFirst = Dictionary(grouping: parts) { $0[0] }
    }

    func matches(in text: UTF8Text) -> [Range<Int>] {
        var matches: [Range<Int>] = []
        var at = 0
        while at < text.count {
            if let found = byFirst[text[at]]?.first(where: { text.has($0, at: at) }) {
                matches.append(at..<at + found.count)
                at += found.count
            } else {
                at += 1
            }
        }
        return matches
    }
}
