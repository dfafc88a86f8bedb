/// The merges of a SentencePiece vocabulary, which follow from its tokens' scores.
struct GGUFScoredMerges: Sendable {
    let vocabulary: GGUFVocabulary
    /// By id, none NaN.
    private let scores: [Float]
    /// By id: whether the token is no text that merges could make.
    private let isSkipped: [Bool]

    /// - Parameters:
    ///   - scores: by id, none NaN.
    ///   - kinds: by id.
    init(scores: [Float], kinds: [Int], vocabulary: GGUFVocabulary) {
        self.scores = scores
        self.vocabulary = vocabulary
        let skipped = [
            GGUFTokenizer.TokenKind.unknown, GGUFTokenizer.TokenKind.control, GGUFTokenizer.TokenKind.byte,
        ]
        isSkipped = kinds.map(skipped.contains)
    }

    /// Every division of a token into two tokens is a merge; the token's score ranks it, then its id and the parts'.
    func pairs() -> [GGUFMerges.Pair] {
        var count = 0
        forEachDivision { _ in count += 1 }
        var pairs: [GGUFMerges.Pair] = []
        // Exactly as many, since an array that grows is for a moment there twice.
        pairs.reserveCapacity(count)
        forEachDivision { pairs.append($0) }
        pairs.sort { first, second in
            let (one, other) = (scores[Int(first.whole)], scores[Int(second.whole)])
            guard one == other else { return one > other }
            return (first.whole, first.left, first.right) < (second.whole, second.left, second.right)
        }
        return pairs
    }

    private func forEachDivision(_ body: (GGUFMerges.Pair) -> Void) {
        let tokens = vocabulary.tokens
        for id in tokens.indices where !isSkipped[id] {
            tokens.withBytes(id) { token in
                // A division lies where a scalar starts: not at a continuation byte.
                for place in token.indices.dropFirst() where token[place] & 0xC0 != 0x80 {
                    if let left = vocabulary.id(of: UnsafeBufferPointer(rebasing: token[..<place])),
                        let right = vocabulary.id(of: UnsafeBufferPointer(rebasing: token[place...]))
                    {
                        body(GGUFMerges.Pair(left: left, right: right, whole: Int32(id)))
                    }
                }
            }
        }
    }
}
