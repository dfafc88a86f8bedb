/// A vocabulary's tokens by their bytes: finds those that stand at a place of a text.
struct SortedTokens: Sendable {
    private let vocabulary: Vocabulary
    private let sorted: [Int32]
    /// Where the tokens with each first byte start in `sorted`, and one more.
    private let starts: [Int]
    /// Bytes of the longest token.
    let longest: Int

    /// - Parameter ids: of the tokens that are looked for; empty ones are left out.
    init(_ vocabulary: Vocabulary, ids: some Sequence<Int32>) {
        let tokens = ids.map { (id: $0, bytes: vocabulary.token(of: $0) ?? []) }
            .filter { !$0.bytes.isEmpty }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        self.vocabulary = vocabulary
        sorted = tokens.map(\.id)
        longest = tokens.map(\.bytes.count).max() ?? 0
        var starts = [Int](repeating: 0, count: 257)
        for token in tokens { starts[Int(token.bytes[0]) + 1] += 1 }
        for byte in 0..<256 { starts[byte + 1] += starts[byte] }
        self.starts = starts
    }

    /// Calls with every token that stands at a place of a text, and where it ends; the shortest first.
    func forEachPrefix(of text: UTF8Text, from place: Int, _ body: (Int32, Int) -> Void) {
        vocabulary.forEachPrefix(of: text, from: place, among: sorted, starts: starts, body)
    }

    /// The last place between two others over which no token stands, so that no merge goes over it, and beside which
    /// stand scalars that are tokens.
    ///
    /// - Parameters:
    ///   - start: where a text begins, or such a place of it.
    ///   - stretch: how many bytes before the end are looked at.
    /// - Returns: nil where there is none in the stretch.
    func lastUncrossed(in text: UTF8Text, from start: Int, to end: Int, stretch: Int) -> Int? {
        let first = max(start, end - stretch)
        var at = max(start, first - longest)
        while at > start, text[at] & 0xC0 == 0x80 { at -= 1 }
        var found: Int?
        var reach = 0
        var follows = false
        while at < end {
            let next = at + text.scalar(at: at).length
            var isToken = false
            var ends = reach
            forEachPrefix(of: text, from: at) { _, end in
                ends = max(ends, end)
                isToken = isToken || end == next
            }
            if at > first, isToken, follows, reach <= at { found = at }
            (reach, follows, at) = (ends, isToken, next)
        }
        return found
    }
}
