/// A unigram language model: a word → the tokens with the highest sum of scores.
struct UnigramModel: Sendable {
    let vocabulary: Vocabulary
    /// Stands for a run of scalars that no token covers.
    let unknown: Int32?
    /// The id of `<0x00>` … `<0xFF>` or -1, if what no token covers falls back to its bytes.
    let fallback: [Int32]?

    /// By id, for the model's own tokens.
    private let scores: [Double]
    /// The model's tokens by their bytes.
    private let sorted: [Int32]
    /// Where the tokens with each first byte start in `sorted`, and one more.
    private let starts: [Int]
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
        let tokens = scores.indices.map { (id: Int32($0), bytes: vocabulary.token(of: Int32($0)) ?? []) }
            .filter { !$0.bytes.isEmpty }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        sorted = tokens.map(\.id)
        var starts = [Int](repeating: 0, count: 257)
        for token in tokens { starts[Int(token.bytes[0]) + 1] += 1 }
        for byte in 0..<256 { starts[byte + 1] += starts[byte] }
        self.starts = starts
    }

    /// The best way to a place of the word.
    private struct Node {
        var score = 0.0
        var start = -1
        var id: Int32 = -1
    }

    func encode(_ word: UTF8Text, to output: inout [Int32]) {
        guard !word.isEmpty else { return }
        var nodes = [Node](repeating: Node(), count: word.count + 1)
        var at = 0
        while at < word.count {
            let length = word.scalar(at: at).length
            let before = nodes[at].score
            var coversScalar = false
            func reach(_ end: Int, _ score: Double, _ id: Int32) {
                if nodes[end].start < 0 || before + score > nodes[end].score {
                    nodes[end] = Node(score: before + score, start: at, id: id)
                }
            }
            vocabulary.forEachPrefix(of: word, from: at, among: sorted, starts: starts) { id, end in
                reach(end, scores[Int(id)], id)
                coversScalar = coversScalar || end == at + length
            }
            if !coversScalar { reach(at + length, unknownScore, unknown ?? -1) }
            at += length
        }
        append(nodes, word, to: &output)
    }

    /// The way back through the nodes; neighbouring unknown scalars are one token.
    private func append(_ nodes: [Node], _ word: UTF8Text, to output: inout [Int32]) {
        var tokens: [(id: Int32, range: Range<Int>)] = []
        var end = word.count
        while end > 0 {
            let node = nodes[end]
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
