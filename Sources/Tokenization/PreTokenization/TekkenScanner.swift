/// Tekken's pattern (`SplitPattern.tekken`) at `index`: where its match ends.
///
/// With U = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, W = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]` and P = `[^\r\n\p{L}\p{N}]`, words are
/// `P?U*W+|P?U+W*`; the order of the attempts below is that of backtracking.
///
/// - Parameters:
///   - mostDigits: `\p{N}{1,n}` in place of `\p{N}`.
///   - takesContractions: whether `(?i:'s|'t|'re|'ve|'m|'ll|'d)?` may follow words, as in GPT-4o's pattern.
func tekkenEnd(
    in text: UTF8Text, from index: Int, classes: ScalarClasses, mostDigits: Int = 1, takesContractions: Bool = false
) -> Int {
    if classes.of(text.scalar(at: index).value) & ScalarClasses.number != 0 {
        return numberEnd(in: text, from: index, classes: classes, most: mostDigits)
    }
    guard let end = casedWordEnd(in: text, from: index, classes: classes) else {
        return signsOrSpaceEnd(in: text, from: index, classes: classes, tail: .linesAndSlashes)
    }
    guard takesContractions, end < text.count, text[end] == UInt8(ascii: "'") else { return end }
    let contraction = foldedContraction(in: text, after: end)
    return contraction > 0 ? end + 1 + contraction : end
}

/// `P?U*W+|P?U+W*` at `index`: where its match ends, or nil.
private func casedWordEnd(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int? {
    let (scalar, length) = text.scalar(at: index)
    let found = classes.of(scalar)
    let leads = found & (ScalarClasses.letter | ScalarClasses.newline) == 0
    let isWord = found & (ScalarClasses.letter | ScalarClasses.mark) != 0
    if leads, let end = endOfSmallEnding(in: text, from: index + length, classes: classes) { return end }
    if isWord, let end = endOfSmallEnding(in: text, from: index, classes: classes) { return end }
    // What follows is not in W, or the attempts above had matched.
    if leads {
        let end = endOfCapitals(in: text, from: index + length, classes: classes).end
        if end > index + length { return end }
    }
    return isWord ? endOfCapitals(in: text, from: index, classes: classes).end : nil
}

/// `U*W+` at `index`: where its match ends, or nil.
private func endOfSmallEnding(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int? {
    let capitals = endOfCapitals(in: text, from: index, classes: classes)
    var at = capitals.end
    while at < text.count {
        let (scalar, length) = text.scalar(at: at)
        guard isSmall(classes.of(scalar)) else { break }
        at += length
    }
    return at > capitals.end ? at : capitals.lastSmall
}

/// The end of a run of U, and the end of its last scalar that is also in W.
private func endOfCapitals(
    in text: UTF8Text, from index: Int, classes: ScalarClasses
) -> (end: Int, lastSmall: Int?) {
    var at = index
    var lastSmall: Int?
    while at < text.count {
        let (scalar, length) = text.scalar(at: at)
        let found = classes.of(scalar)
        guard isCapital(found) else { break }
        at += length
        if isSmall(found) { lastSmall = at }
    }
    return (at, lastSmall)
}

@inline(__always)
private func isCapital(_ found: UInt16) -> Bool {
    found & (ScalarClasses.letter | ScalarClasses.mark) != 0 && found & ScalarClasses.lower == 0
}

@inline(__always)
private func isSmall(_ found: UInt16) -> Bool {
    found & (ScalarClasses.letter | ScalarClasses.mark) != 0 && found & ScalarClasses.upper == 0
}
