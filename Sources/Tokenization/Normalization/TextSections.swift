/// Where a long text can be cut before it is normalised, so that its sections one after another give the ids of the
/// whole: what is normalised then never stands in memory beside all of the text as given.
///
/// A section starts with a blank after an ASCII letter or digit. The blank becomes the mark before which the text is cut
/// into words in any case, and neither it nor the letter has anything to do with what is on the other side.
struct TextSections: Sendable {
    /// Sections are longer by up to the next such place.
    static let size = 1 << 16

    /// ASCII letters and digits that no step rewrites.
    private let isLetter: [Bool]

    /// - Parameters:
    ///   - steps: the normalizers together; nil where they look at more than a byte.
    ///   - added: the tokens that are looked for in the normalised text, as they are looked for.
    ///   - boundary: the scalar before which what is not cut otherwise is cut into words, if any.
    /// - Returns: nil where a cut could change the ids.
    init?(
        _ steps: BytewiseSteps?, added: [(token: AddedToken, pattern: [UInt8])], preTokenizers: [PreTokenizer],
        boundary: [UInt8]?
    ) {
        guard let steps else { return nil }
        let blank = UInt8(ascii: " ")
        let written = steps.image(of: blank)
        guard TextSections.areCut(at: written, steps, preTokenizers, boundary) else { return nil }
        let isLetter = (UInt8.min...UInt8.max).map { byte in
            byte < 0x80 && (Unicode.Scalar(byte).properties.isAlphabetic || (0x30...0x39).contains(byte))
                && !steps.changes(byte)
        }
        for (token, pattern) in added {
            // Such tokens look at what is beside them, or take it.
            if token.singleWord || token.stripsLeft || token.stripsRight { return nil }
            for at in pattern.indices.dropFirst()
            where pattern[at] == written[0] && isLetter[Int(pattern[at - 1])] { return nil }
        }
        self.isLetter = isLetter
    }

    /// Whether a normalised text is cut wherever a blank, written as these bytes, follows a letter.
    private static func areCut(
        at written: [UInt8], _ steps: BytewiseSteps, _ preTokenizers: [PreTokenizer], _ boundary: [UInt8]?
    ) -> Bool {
        var written = written
        for (index, step) in preTokenizers.enumerated() {
            switch step {
            // What cannot be found cuts nothing.
            case .split(.literal(let pattern), _, _) where pattern.contains(where: steps.removes): continue
            case .metaspace(let metaspace) where index == preTokenizers.count - 1 || metaspace.splits:
                written = written.withUnsafeBufferPointer {
                    $0.replacingOccurrences(of: [UInt8(ascii: " ")], with: metaspace.replacement)
                }
                // Else a section would get a prefix of its own.
                guard written.starts(with: metaspace.replacement) else { return false }
                if metaspace.splits { return true }
            default: return false
            }
        }
        return boundary.map { written.starts(with: $0) } ?? false
    }

    /// The end of the section that starts at a place.
    func end(in text: UTF8Text, from start: Int) -> Int {
        guard text.count - start > TextSections.size else { return text.count }
        let blank = UInt8(ascii: " ")
        for at in start + TextSections.size..<text.count where text[at] == blank && isLetter[Int(text[at - 1])] {
            return at
        }
        return text.count
    }
}
