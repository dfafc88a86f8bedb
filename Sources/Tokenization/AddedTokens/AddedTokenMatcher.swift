/// Finds added tokens in a text: the leftmost, and of those the longest.
struct AddedTokenMatcher: Sendable {
    /// A stretch of the text: an added token, or text between them (nil).
    struct Stretch: Equatable {
        let token: Int32?
        let range: Range<Int>
    }

    private let tokens: [AddedToken]
    /// How many bytes each token is looked for by.
    private let lengths: [Int]
    private let automaton: TokenAutomaton

    /// - Parameter tokens: each with the bytes to look for; the first wins where two look for the same.
    init(_ tokens: [(token: AddedToken, pattern: [UInt8])]) {
        self.tokens = tokens.map(\.token)
        lengths = tokens.map(\.pattern.count)
        automaton = TokenAutomaton(tokens.map(\.pattern))
    }

    /// The text as added tokens and what lies between them; no stretch is empty.
    func stretches(of text: UTF8Text) -> [Stretch] {
        guard !text.isEmpty else { return [] }
        var stretches: [Stretch] = []
        var end = 0
        var at = 0
        var spaces = SpaceRuns()
        for (place, index) in automaton.startsFromEnd(in: text).reversed() where place >= at {
            let token = tokens[index]
            var range = place..<place + lengths[index]
            at = range.upperBound
            if token.singleWord, touchesWord(range, in: text) { continue }
            if token.stripsRight { range = range.lowerBound..<spaces.end(after: range.upperBound, in: text) }
            if token.stripsLeft {
                let start = max(spaces.start(before: range.lowerBound, in: text), end)
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

    private func touchesWord(_ range: Range<Int>, in text: UTF8Text) -> Bool {
        if range.lowerBound > 0 {
            let before = text.scalar(at: text.start(ofScalarBefore: range.lowerBound)).value
            if isWordScalar(before) { return true }
        }
        return range.upperBound < text.count && isWordScalar(text.scalar(at: range.upperBound).value)
    }
}
