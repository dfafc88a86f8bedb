import Foundation

/// Valid UTF-8 in Normalization Form C, as the reference implementation composes it.
///
/// Foundation composes only the stretches around scalars that can change or be changed; the rest is passed through.
func canonicallyComposed(_ text: [UInt8]) -> [UInt8] {
    text.withUnsafeBufferPointer { given in
        guard !isComposed(given) else { return text }
        let text = given
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        /// Everything before this is in the output.
        var done = 0
        /// The last scalar that composes with nothing before it.
        var start = 0
        var isInert = true
        func flush(_ end: Int) {
            guard !isInert else { return }
            output.append(contentsOf: text[done..<start])
            output.append(contentsOf: composed(String(decoding: text[start..<end], as: UTF8.self).unicodeScalars).utf8)
            done = end
        }
        var at = 0
        while at < text.count {
            let (scalar, length) = text.scalar(at: at)
            if startsStretch(scalar) {
                flush(at)
                start = at
                isInert = true
            } else {
                isInert = false
            }
            at += length
        }
        flush(at)
        output.append(contentsOf: text[done...])
        return output
    }
}

/// Whether a text has no scalar that composes with the one before it; false is always safe, only slower.
func isComposed(_ text: UTF8Text) -> Bool {
    // 0xCC is the first byte of U+0300, below which none does.
    !text.contains { $0 >= 0xCC }
}

/// Whether a scalar stays as it is whatever stands before it. False is always safe, only slower.
@inline(__always)
private func startsStretch(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0..<0x300, 0x400...0x482, 0x48A...0x52F, 0x3041...0x3096, 0x30A1...0x30FA, 0x3400...0x4DB5, 0x4E00...0x9FD5,
        0xAC00...0xD7A3:
        return true
    default: return false
    }
}

/// Foundation's composition, with what it misses: a Hangul syllable without a final consonant before one, and three
/// Tibetan vowels that decompose into marks. Scalars that Unicode took in after version 9, whose data the reference
/// implementation has, take no part in it.
private func composed(_ scalars: String.UnicodeScalarView) -> String {
    var result = ""
    var known: [Unicode.Scalar] = []
    func flush() {
        orderMarks(&known)
        result += String(String.UnicodeScalarView(known)).precomposedStringWithCanonicalMapping
        known.removeAll(keepingCapacity: true)
    }
    for scalar in scalars {
        guard let age = scalar.properties.age, age.major <= 9 else {
            flush()
            result.unicodeScalars.append(scalar)
            continue
        }
        switch scalar.value {
        case 0x0F73: known.append(contentsOf: "\u{0F71}\u{0F72}".unicodeScalars)
        case 0x0F75: known.append(contentsOf: "\u{0F71}\u{0F74}".unicodeScalars)
        case 0x0F81: known.append(contentsOf: "\u{0F71}\u{0F80}".unicodeScalars)
        case 0x11A8...0x11C2:
            if let last = known.last?.value, (0xAC00...0xD7A3).contains(last), (last - 0xAC00) % 28 == 0,
                let syllable = Unicode.Scalar(last + scalar.value - 0x11A7)
            {
                known.removeLast()
                known.append(syllable)
            } else {
                known.append(scalar)
            }
        default: known.append(scalar)
        }
    }
    flush()
    return result
}

/// Puts runs of marks into canonical order, which is all the same to composition; Foundation's own ordering takes the
/// square of a run's length.
private func orderMarks(_ scalars: inout [Unicode.Scalar]) {
    func rank(_ scalar: Unicode.Scalar) -> UInt8 { scalar.properties.canonicalCombiningClass.rawValue }
    var start = 0
    while start < scalars.count {
        var end = start
        var isOrdered = true
        var ranks: [UInt8] = []
        while end < scalars.count, case let rank = rank(scalars[end]), rank > 0 {
            isOrdered = isOrdered && rank >= ranks.last ?? 0
            ranks.append(rank)
            end += 1
        }
        if !isOrdered {
            let order = ranks.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
            let run = Array(scalars[start..<end])
            for (place, index) in order.enumerated() { scalars[start + place] = run[index] }
        }
        start = max(end, start + 1)
    }
}
