/// DeepSeek V3's pattern (`SplitPattern.deepseek3`) at `index`: where its match ends, which is `index` where there is
/// none.
///
/// `S[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, S being the signs
/// of ASCII. The order of the attempts is that of the alternatives.
func deepseek3End(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> Int {
    let (scalar, length) = text.scalar(at: index)
    let found = classes.of(scalar)
    let signs = ScalarClasses.punctuation | ScalarClasses.symbol
    let word = ScalarClasses.letter | ScalarClasses.mark
    if scalar < 0x80, found & signs != 0 {
        var at = index + 1
        while at < text.count, isLatinLetter(text[at]) { at += 1 }
        if at > index + 1 { return at }
    }
    if found & (ScalarClasses.letter | ScalarClasses.newline | signs) == 0 {
        let end = endOfRun(of: word, in: text, from: index + length, classes: classes)
        if end > index + length { return end }
    }
    if found & word != 0 { return endOfRun(of: word, in: text, from: index, classes: classes) }
    let start = scalar == 0x20 ? index + 1 : index
    var at = endOfRun(of: signs, in: text, from: start, classes: classes)
    if at > start {
        while at < text.count, SignTail.lines.takes(text[at]) { at += 1 }
        return at
    }
    guard found & ScalarClasses.space != 0 else { return index }
    return spaceEnd(in: text, from: index, classes: classes)
}

@inline(__always)
private func isLatinLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}
