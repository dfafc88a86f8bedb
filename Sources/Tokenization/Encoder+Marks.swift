/// The ids of a text, and which of them hold something of its marked parts.
public struct MarkedTokens: Equatable, Sendable {
    public var ids: [Int32]
    /// One for each id.
    public var isMarked: [Bool]
}

extension Encoder {
    /// The ids of a text without special tokens around it, and for each whether it holds a byte of a marked part.
    ///
    /// A token over an edge is marked, as `char_to_token` of Hugging Face's `tokenizers` finds it. White space that an
    /// added token takes from beside it marks nothing.
    ///
    /// - Parameter marked: ranges of the text's UTF-8, ascending and apart, that begin and end between scalars.
    /// - Returns: the ids that `encode` gives; nil where the tokenizer rewrites the text so that an edge is not certain
    ///   to be found among its tokens.
    public mutating func encode(_ text: String, marking marked: [Range<Int>]) -> MarkedTokens? {
        var text = text
        let marked = marked.filter { !$0.isEmpty }
        output = []
        defer { output = [] }
        guard let edges = text.withUTF8({ edges(in: $0, at: marked.flatMap { [$0.lowerBound, $0.upperBound] }) })
        else { return nil }
        var isMarked = [Bool](repeating: false, count: output.count)
        for index in marked.indices {
            let (start, end) = (edges[2 * index].ended, edges[2 * index + 1].begun)
            if start < end { for token in start..<end { isMarked[token] = true } }
        }
        return MarkedTokens(ids: output, isMarked: isMarked)
    }

    /// Where a place of the text is among its tokens.
    private struct Edge {
        /// Tokens that end there or before.
        var ended: Int
        /// Tokens that begin before it: one more where a token is over the place.
        var begun: Int

        init(_ ended: Int, _ begun: Int) { (self.ended, self.begun) = (ended, begun) }
    }

    /// Encodes a text into `output`, and finds places of it, which ascend.
    private mutating func edges(in text: UTF8Text, at places: [Int]) -> [Edge]? {
        let isBetween = places.allSatisfy { $0 == text.count || $0 < text.count && text[$0] & 0xC0 != 0x80 }
        guard isBetween else { return nil }
        var edges: [Edge] = []
        var work = Encoder.mostWork
        for stretch in tokenizer.rawTokens.stretches(of: text) {
            while edges.count < places.count, places[edges.count] <= stretch.range.lowerBound {
                edges.append(Edge(output.count, output.count))
            }
            let first = output.count
            if let token = stretch.token {
                output.append(token)
            } else {
                encodeBetween(Piece(text: text, lead: 0).part(stretch.range))
            }
            // Of what the stretch's tokens stand for; only made where it is asked for.
            var spelled: (bytes: [UInt8], ends: [Int])?
            while edges.count < places.count, places[edges.count] < stretch.range.upperBound {
                let place = places[edges.count]
                if let token = stretch.token {
                    guard let edge = edge(at: place, inside: token, stretch.range, of: text, index: first) else {
                        return nil
                    }
                    edges.append(edge)
                    continue
                }
                let head = stretch.range.lowerBound..<place
                work -= stretch.range.count
                guard work >= 0 else { return nil }
                let whole = spelled ?? spelling(output[first...])
                spelled = whole
                guard let length = spelledLength(Piece(text: text, lead: 0).part(head), in: whole.bytes) else {
                    return nil
                }
                // Ends ascend.
                let ended = whole.ends.firstIndex { $0 > length } ?? whole.ends.count
                let isOver = ended < whole.ends.count && (ended == 0 ? 0 : whole.ends[ended - 1]) < length
                edges.append(Edge(first + ended, first + ended + (isOver ? 1 : 0)))
            }
        }
        while edges.count < places.count { edges.append(Edge(output.count, output.count)) }
        return edges
    }

    /// Bytes that are encoded again to find edges; beyond, a text of many edges and no added tokens would take the
    /// square of its length.
    private static let mostWork = 1 << 30

    /// An edge in the white space that an added token took.
    private func edge(
        at place: Int, inside token: Int32, _ range: Range<Int>, of text: UTF8Text, index: Int
    ) -> Edge? {
        guard let content = tokenizer.model.vocabulary.token(of: token), content.count <= range.count,
            let start = (range.lowerBound...range.upperBound - content.count).first(where: { text.has(content, at: $0) }
            )
        else { return nil }
        if place <= start { return Edge(index, index) }
        return place >= start + content.count ? Edge(index + 1, index + 1) : nil
    }

    /// How many bytes of a text's spelling a beginning of the text gives; nil where it gives others.
    private mutating func spelledLength(_ head: Piece, in whole: [UInt8]) -> Int? {
        let count = output.count
        encodeBetween(head)
        let ids = output[count...]
        output.removeSubrange(count...)
        // A run of unknown characters can be one token, of which no part is the beginning's.
        if let last = ids.last, last == tokenizer.model.unknown { return nil }
        let bytes = spelling(ids).bytes
        return whole.starts(with: bytes) ? bytes.count : nil
    }

    /// What tokens stand for, as the tokenizer has rewritten the text, and where each ends in it. An unknown token is one
    /// byte that no text has.
    private func spelling(_ ids: ArraySlice<Int32>) -> (bytes: [UInt8], ends: [Int]) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        ends.reserveCapacity(ids.count)
        for id in ids {
            if id == tokenizer.model.unknown {
                bytes.append(0xFF)
            } else {
                bytes += tokenizer.normalizedContents[id] ?? tokenizer.model.spelling(of: id)
            }
            ends.append(bytes.count)
        }
        return (bytes, ends)
    }
}
