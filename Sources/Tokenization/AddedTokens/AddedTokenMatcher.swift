/// Finds added tokens in a text: the leftmost, and of those the longest.
struct AddedTokenMatcher: Sendable {
    /// A stretch of the text: an added token, or text between them (nil).
    struct Stretch {
        let token: Int32?
        let range: Range<Int>
    }

    private let tokens: [AddedToken]
    /// Trie: the node behind (node, byte).
    private var edges: [UInt64: Int32] = [:]
    /// Index of the token that ends at a node, or -1.
    private var ends: [Int32] = [-1]
    /// Whether a token starts with this byte.
    private var isFirst = [Bool](repeating: false, count: 256)

    /// - Parameter tokens: each with the bytes to look for; the first wins where two look for the same.
    init(_ tokens: [(token: AddedToken, pattern: [UInt8])]) {
        self.tokens = tokens.map(\.token)
        for (index, (_, pattern)) in tokens.enumerated() {
            guard let first = pattern.first else { continue }
            isFirst[Int(first)] = true
            var node: Int32 = 0
            for byte in pattern {
                let key = AddedTokenMatcher.key(node, byte)
                if let next = edges[key] {
                    node = next
                } else {
                    edges[key] = Int32(ends.count)
                    node = Int32(ends.count)
                    ends.append(-1)
                }
            }
            if ends[Int(node)] < 0 { ends[Int(node)] = Int32(index) }
        }
    }

    /// The text as added tokens and what lies between them; no stretch is empty.
    func stretches(of text: UTF8Text) -> [Stretch] {
        guard !text.isEmpty else { return [] }
        var stretches: [Stretch] = []
        var end = 0
        var at = 0
        while at < text.count {
            guard isFirst[Int(text[at])], let (index, matchEnd) = longestMatch(in: text, at: at) else {
                at += 1
                continue
            }
            let token = tokens[index]
            var range = at..<matchEnd
            at = matchEnd
            if token.singleWord, touchesWord(range, in: text) { continue }
            if token.stripsRight { range = range.lowerBound..<spaceEnd(after: range.upperBound, in: text) }
            if token.stripsLeft {
                let start = max(spaceStart(before: range.lowerBound, in: text), end)
                // White space that the token before it took leaves nothing of this one.
                guard start < range.upperBound else { continue }
                range = start..<range.upperBound
            }
            if end < range.lowerBound { stretches.append(Stretch(token: nil, range: end..<range.lowerBound)) }
            stretches.append(Stretch(token: token.id, range: range))
            // A match inside white space that the token before it took moves the end back, as in the reference
            // implementation.
            end = range.upperBound
        }
        if end < text.count { stretches.append(Stretch(token: nil, range: end..<text.count)) }
        return stretches
    }

    private func longestMatch(in text: UTF8Text, at start: Int) -> (index: Int, end: Int)? {
        var node: Int32 = 0
        var at = start
        var found: (index: Int, end: Int)?
        while at < text.count, let next = edges[AddedTokenMatcher.key(node, text[at])] {
            node = next
            at += 1
            if ends[Int(node)] >= 0 { found = (Int(ends[Int(node)]), at) }
        }
        return found
    }

    private func touchesWord(_ range: Range<Int>, in text: UTF8Text) -> Bool {
        if range.lowerBound > 0 {
            let before = text.scalar(at: text.start(ofScalarBefore: range.lowerBound)).value
            if isWordScalar(before) { return true }
        }
        return range.upperBound < text.count && isWordScalar(text.scalar(at: range.upperBound).value)
    }

    private func spaceStart(before index: Int, in text: UTF8Text) -> Int {
        var at = index
        while at > 0 {
            let start = text.start(ofScalarBefore: at)
            guard isSpace(text.scalar(at: start).value) else { break }
            at = start
        }
        return at
    }

    private func spaceEnd(after index: Int, in text: UTF8Text) -> Int {
        var at = index
        while at < text.count {
            let (scalar, length) = text.scalar(at: at)
            guard isSpace(scalar) else { break }
            at += length
        }
        return at
    }

    private func isSpace(_ scalar: UInt32) -> Bool { Unicode.Scalar(scalar)?.properties.isWhitespace ?? false }

    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)
    }
}
