/// A unigram language model: a word → the tokens with the highest sum of scores.
struct UnigramModel: Sendable {
    let vocabulary: Vocabulary
    /// Stands for a run of scalars that no token covers.
    let unknown: Int32?
    /// The id of `<0x00>` … `<0xFF>` or -1, if what no token covers falls back to its bytes.
    let fallback: [Int32]?

    /// By id, for the model's own tokens.
    private let scores: [Double]
    private let tokens: SortedTokens
    /// What a scalar costs that no token covers.
    private let unknownScore: Double

    /// The reference's penalty on the lowest score.
    private static let penalty = 10.0

    init(vocabulary: Vocabulary, scores: [Double], unknown: Int32?, fallback: [Int32]?) {
        self.vocabulary = vocabulary
        self.scores = scores
        self.unknown = unknown
        self.fallback = fallback
        unknownScore = (scores.min() ?? 0) - UnigramModel.penalty
        tokens = SortedTokens(vocabulary, ids: scores.indices.map { Int32($0) })
    }

    /// The best way to a place of the word.
    private struct Node {
        var score = 0.0
        var start = -1
        var id: Int32 = -1
    }

    /// Appends the ids of one word.
    ///
    /// - Parameter window: bytes after which, in a long word, it is looked how far its tokens are known.
    func encode(_ word: UTF8Text, window: Int = 1 << 16, to output: inout [Int32]) {
        guard !word.isEmpty else { return }
        // The node of a place stands at the place less the base; tokens up to the base have been given out.
        var nodes = [Node()]
        var base = 0
        var limit = window
        var at = 0
        while at < word.count {
            if at - base >= limit {
                let known = UnigramModel.known(nodes, base: base, from: at, unknown: unknown ?? -1)
                append(nodes, from: base, to: known, word, to: &output)
                nodes.removeFirst(known - base)
                limit = known > base ? at - known + window : 2 * limit
                base = known
            }
            let length = word.scalar(at: at).length
            let reached = min(word.count, at + max(tokens.longest, length)) - base
            while nodes.count <= reached { nodes.append(Node()) }
            let before = nodes[at - base].score
            var coversScalar = false
            func reach(_ end: Int, _ score: Double, _ id: Int32) {
                let place = end - base
                if nodes[place].start < 0 || before + score > nodes[place].score {
                    nodes[place] = Node(score: before + score, start: at, id: id)
                }
            }
            tokens.forEachPrefix(of: word, from: at) { id, end in
                reach(end, scores[Int(id)], id)
                coversScalar = coversScalar || end == at + length
            }
            if !coversScalar { reach(at + length, unknownScore, unknown ?? -1) }
            at += length
        }
        append(nodes, from: base, to: word.count, word, to: &output)
    }

    /// How far the best way is the same whatever follows: all ways that lead beyond a place, of which every token that
    /// starts before it is known, come through there.
    ///
    /// - Returns: a place that no token is over and no run of unknown scalars; the base where there is no further one.
    private static func known(_ nodes: [Node], base: Int, from place: Int, unknown: Int32) -> Int {
        var isLive = (0..<nodes.count).map { $0 >= place - base && nodes[$0].start >= 0 }
        var live = isLive.count { $0 }
        var at = nodes.count - 1
        while at > 0, !isLive[at] || live > 1 {
            if isLive[at] {
                let start = nodes[at].start - base
                if isLive[start] { live -= 1 } else { isLive[start] = true }
            }
            at -= 1
        }
        // A run of unknown scalars becomes one token.
        while at > 0, nodes[at].id == unknown { at = nodes[at].start - base }
        return base + at
    }

    /// The way back through the nodes; neighbouring unknown scalars are one token.
    private func append(
        _ nodes: [Node], from base: Int, to end: Int, _ word: UTF8Text, to output: inout [Int32]
    ) {
        var tokens: [(id: Int32, range: Range<Int>)] = []
        var end = end
        while end > base {
            let node = nodes[end - base]
            if node.id == (unknown ?? -1), let last = tokens.last, last.id == node.id {
                tokens[tokens.count - 1].range = node.start..<last.range.upperBound
            } else {
                tokens.append((node.id, node.start..<end))
            }
            end = node.start
        }
        for (id, range) in tokens.reversed() {
            guard id == (unknown ?? -1) else {
                output.append(id)
                continue
            }
            let text = word.part(range)
            if let known = vocabulary.modelID(of: text) {
                output.append(known)
            } else if let fallback, text.allSatisfy({ fallback[Int($0)] >= 0 }) {
                output.append(contentsOf: text.map { fallback[Int($0)] })
            } else if let unknown {
                output.append(unknown)
            }
        }
    }
}
