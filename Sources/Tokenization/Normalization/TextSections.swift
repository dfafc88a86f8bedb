/// Where a long text can be cut before it is normalised, so that its sections one after another give the ids of the
/// whole: what is normalised then never stands in memory beside all of the text as given.
///
/// A section starts with a blank after anything that is no blank and that no step rewrites. The blank becomes the mark
/// before which the text is cut into words in any case, and neither it nor what stands before it depends on what is on
/// the other side.
struct TextSections: Sendable {
    /// Sections are longer by up to the next such place.
    static let size = 1 << 16

    /// Bytes that no step rewrites, by the byte.
    private let isKept: [Bool]
    /// What blanks become: after one the text is not cut.
    private let mark: [UInt8]

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
        guard let mark = TextSections.mark(written, steps, preTokenizers, boundary) else { return nil }
        self.mark = mark
        isKept = (UInt8.min...UInt8.max).map { $0 != blank && !steps.changes($0) }
        for (token, pattern) in added {
            // Such tokens look at what is beside them, or take it.
            if token.singleWord || token.stripsLeft || token.stripsRight { return nil }
            let isCut = pattern.withUnsafeBufferPointer { pattern in
                pattern.indices.dropFirst().contains { at in
                    follows(at, in: pattern) && zip(pattern[at...], written).allSatisfy { $0 == $1 }
                }
            }
            if isCut { return nil }
        }
    }

    /// Whether what stands before a place is kept as it is, and no mark.
    private func follows(_ at: Int, in text: UTF8Text) -> Bool {
        isKept[Int(text[at - 1])] && !(at >= mark.count && text.has(mark, at: at - mark.count))
    }

    /// The mark before which a normalised text is cut wherever a blank, written as these bytes, follows something else;
    /// nil where it is not.
    private static func mark(
        _ written: [UInt8], _ steps: BytewiseSteps, _ preTokenizers: [PreTokenizer], _ boundary: [UInt8]?
    ) -> [UInt8]? {
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
                guard written.starts(with: metaspace.replacement) else { return nil }
                if metaspace.splits { return metaspace.replacement }
            default: return nil
            }
        }
        return boundary.flatMap { written.starts(with: $0) ? $0 : nil }
    }

    /// The end of the section that starts at a place.
    func end(in text: UTF8Text, from start: Int) -> Int {
        guard text.count - start > TextSections.size else { return text.count }
        let blank = UInt8(ascii: " ")
        for at in start + TextSections.size..<text.count where text[at] == blank && follows(at, in: text) {
            return at
        }
        return text.count
    }
}
