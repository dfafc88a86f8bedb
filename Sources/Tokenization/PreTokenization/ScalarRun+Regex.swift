extension ScalarRun {
    /// The run that a regular expression describes, or nil for any other expression.
    ///
    /// Understood are an optional ` ?` or `\s?`, one set (a bracket expression without nesting, or `\p{…}`) once,
    /// several times over, with `+` or with a counted repetition, and an optional `$`.
    init?(regex: String) {
        var reader = Reader(Array(regex.unicodeScalars))
        if reader.take(" ?") { lead = .blank } else if reader.take("\\s?") { lead = .space }
        guard let first = reader.set() else { return nil }
        set = first
        var count = 1
        while let next = reader.set() {
            guard next == first, count < ScalarRun.mostCounted else { return nil }
            count += 1
        }
        (least, most) = (count, count)
        if reader.take("+") {
            most = .max
        } else if reader.take("{") {
            guard count == 1, let low = reader.number(), low > 0 else { return nil }
            (least, most) = (low, low)
            if reader.take(",") { most = reader.number() ?? .max }
            guard most >= least, max(least, most == .max ? 0 : most) <= ScalarRun.mostCounted, reader.take("}") else {
                return nil
            }
        }
        endsLine = reader.take("$")
        guard reader.isAtEnd else { return nil }
    }

    /// Higher counts are not understood: they bound the work per place of a text.
    private static let mostCounted = 64

    private struct Reader {
        let scalars: [Unicode.Scalar]
        var at = 0

        init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

        var isAtEnd: Bool { at == scalars.count }

        mutating func take(_ text: String) -> Bool {
            let wanted = Array(text.unicodeScalars)
            guard scalars[at...].starts(with: wanted) else { return false }
            at += wanted.count
            return true
        }

        mutating func number() -> Int? {
            let start = at
            while at < scalars.count, at - start < 4, ("0"..."9").contains(scalars[at]) { at += 1 }
            return Int(String(String.UnicodeScalarView(scalars[start..<at])))
        }

        /// A class such as `\p{L}`.
        private mutating func named() -> UInt16? {
            let classes: [(String, UInt16)] = [
                ("\\p{L}", ScalarClasses.letter), ("\\p{N}", ScalarClasses.number), ("\\p{M}", ScalarClasses.mark),
                ("\\p{P}", ScalarClasses.punctuation), ("\\p{S}", ScalarClasses.symbol), ("\\s", ScalarClasses.space),
            ]
            for (text, value) in classes where take(text) { return value }
            return nil
        }

        /// Nil, with the place unchanged, where no set stands.
        mutating func set() -> ScalarSet? {
            let start = at
            if let classes = named() { return ScalarSet(classes: classes) }
            guard take("["), let set = bracket() else {
                at = start
                return nil
            }
            return set
        }

        private mutating func bracket() -> ScalarSet? {
            let isNegated = take("^")
            var classes: UInt16 = 0
            var ranges: [ClosedRange<UInt32>] = []
            while !take("]") {
                // Intersections and sets within sets are other expressions.
                if at + 1 < scalars.count, scalars[at] == "&", scalars[at + 1] == "&" { return nil }
                if let value = named() {
                    classes |= value
                    continue
                }
                guard let low = scalar() else { return nil }
                var high = low
                if at + 1 < scalars.count, scalars[at] == "-", scalars[at + 1] != "]" {
                    at += 1
                    guard let end = scalar(), end >= low else { return nil }
                    high = end
                }
                ranges.append(low.value...high.value)
            }
            guard classes != 0 || !ranges.isEmpty else { return nil }
            return ScalarSet(isNegated: isNegated, classes: classes, ranges: ranges)
        }

        /// One scalar of a bracket expression, which may be escaped.
        private mutating func scalar() -> Unicode.Scalar? {
            guard at < scalars.count, scalars[at] != "[" else { return nil }
            defer { at += 1 }
            guard scalars[at] == "\\" else { return scalars[at] }
            at += 1
            guard at < scalars.count else { return nil }
            switch scalars[at] {
            case "r": return "\r"
            case "n": return "\n"
            case "t": return "\t"
            case let sign where sign.isASCII && !sign.properties.isAlphabetic && !("0"..."9").contains(sign):
                return sign
            default: return nil
            }
        }
    }
}
