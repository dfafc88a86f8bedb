/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}|
/// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+` at `index`: where its match ends.
///
/// - Parameters:
///   - mostDigits: n.
///   - word: the classes of a word's scalars: `\p{L}`, or with `\p{M}` for the patterns that say so in its place.
///   - tail: what may follow signs.
func tiktokenEnd(
    in text: UTF8Text, from index: Int, classes: ScalarClasses, mostDigits: Int,
    word: UInt16 = ScalarClasses.letter, tail: SignTail = .lines
) -> Int {
    let (scalar, length) = text.scalar(at: index)
    if scalar == UInt32(UInt8(ascii: "'")) {
        let length = foldedContraction(in: text, after: index)
        if length > 0 { return index + 1 + length }
    }
    let found = classes.of(scalar)
    if found & word != 0 {
        return endOfRun(of: word, in: text, from: index + length, classes: classes)
    }
    if found & ScalarClasses.number != 0 {
        return numberEnd(in: text, from: index, classes: classes, most: mostDigits)
    }
    // Neither letter nor digit: unless it ends a line, it may lead a run of letters.
    let next = index + length
    if found & ScalarClasses.newline == 0, next < text.count {
        let (scalar, length) = text.scalar(at: next)
        if classes.of(scalar) & word != 0 {
            return endOfRun(of: word, in: text, from: next + length, classes: classes)
        }
    }
    return signsOrSpaceEnd(in: text, from: index, classes: classes, tail: tail, except: word)
}

/// `\p{N}{1,n}` at `index`: where its match ends.
///
/// - Parameter most: n.
@inline(__always)
func numberEnd(in text: UTF8Text, from index: Int, classes: ScalarClasses, most: Int) -> Int {
    var at = index
    var digits = 0
    while digits < most, at < text.count {
        let (scalar, length) = text.scalar(at: at)
        guard classes.of(scalar) & ScalarClasses.number != 0 else { break }
        at += length
        digits += 1
    }
    return at
}

/// What may follow a run of signs and belongs to it.
enum SignTail {
    case nothing
    /// `[\r\n]*`
    case lines
    /// `[\r\n/]*`
    case linesAndSlashes

    @inline(__always)
    func takes(_ byte: UInt8) -> Bool {
        switch self {
        case .nothing: false
        case .lines: byte == 10 || byte == 13
        case .linesAndSlashes: byte == 10 || byte == 13 || byte == UInt8(ascii: "/")
        }
    }
}

/// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+` at `index`: where its match ends.
///
/// - Parameters:
///   - tail: in place of `[\r\n]*`.
///   - word: classes that are no signs either.
func signsOrSpaceEnd(
    in text: UTF8Text, from index: Int, classes: ScalarClasses, tail: SignTail, except word: UInt16 = 0
) -> Int {
    let other = text[index] == UInt8(ascii: " ") ? index + 1 : index
    var at = endOfRun(of: ScalarClasses.other, except: word, in: text, from: other, classes: classes)
    if at > other {
        while at < text.count, tail.takes(text[at]) { at += 1 }
        return at
    }
    return spaceEnd(in: text, from: index, classes: classes)
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+` at white space: where its match ends.
func spaceEnd(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int {
    // Up to the last line end if there is one.
    let runEnd = endOfRun(of: ScalarClasses.space, in: text, from: index, classes: classes)
    var last = runEnd
    while last > index {
        if text[last - 1] == 10 || text[last - 1] == 13 { return last }
        last -= 1
    }
    return endOfSpace(in: text, from: index, runEnd: runEnd)
}

/// The length in bytes of a contraction in either case after the apostrophe at `index`, or 0. Case folding lets the
/// long s (U+017F) stand for s; no other scalar folds to a letter of the list.
@inline(__always)
func foldedContraction(in text: UTF8Text, after index: Int) -> Int {
    guard index + 1 < text.count else { return 0 }
    let first = text[index + 1]
    let second = index + 2 < text.count ? text[index + 2] : 0
    switch first | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 1
    case UInt8(ascii: "r"), UInt8(ascii: "v"): return second | 0x20 == UInt8(ascii: "e") ? 2 : 0
    case UInt8(ascii: "l"): return second | 0x20 == UInt8(ascii: "l") ? 2 : 0
    default: return first == 0xC5 && second == 0xBF ? 2 : 0
    }
}
