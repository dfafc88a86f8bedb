/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` at `index`: where its match ends.
func gpt2End(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int {
    let first = text[index]
    if first == UInt8(ascii: "'") {
        let length = gpt2Contraction(in: text, after: index)
        if length > 0 { return index + 1 + length }
    }
    // One blank may lead a run of letters, of digits or of other signs.
    let start = first == UInt8(ascii: " ") && index + 1 < text.count ? index + 1 : index
    let (scalar, length) = text.scalar(at: start)
    let found = classes.of(scalar)
    let wanted = found & (ScalarClasses.letter | ScalarClasses.number | ScalarClasses.other)
    if wanted != 0 { return endOfRun(of: wanted, in: text, from: start + length, classes: classes) }
    let runEnd = endOfRun(of: ScalarClasses.space, in: text, from: index, classes: classes)
    return endOfSpace(in: text, from: index, runEnd: runEnd)
}

/// The length of `s|t|re|ve|m|ll|d` after the apostrophe at `index`, or 0.
@inline(__always)
private func gpt2Contraction(in text: UTF8Text, after index: Int) -> Int {
    guard index + 1 < text.count else { return 0 }
    let second = index + 2 < text.count ? text[index + 2] : 0
    switch text[index + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 1
    case UInt8(ascii: "r"), UInt8(ascii: "v"): return second == UInt8(ascii: "e") ? 2 : 0
    case UInt8(ascii: "l"): return second == UInt8(ascii: "l") ? 2 : 0
    default: return 0
    }
}
