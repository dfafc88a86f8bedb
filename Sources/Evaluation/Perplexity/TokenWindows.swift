import Faults

/// Token ids in windows of one length, `[count, length]`, each scored by itself.
public struct TokenWindows: Equatable, Sendable {
    public let count: Int
    public let length: Int
    /// `count · length` ids, window after window.
    public let ids: [Int32]
    /// Bytes of UTF-8 that the scored tokens of a text stand for; nil where the text is not known.
    public var scoredBytes: Int?

    /// Windows given as rows.
    ///
    /// - Throws: `badData` when a window has fewer than two tokens: its first token is not scored.
    public init(ids: consuming [Int32], length: Int, limit: Int? = nil) throws(Fault) {
        guard length >= 2 else {
            throw Fault(
                .badData, "the windows are too short to be scored", found: "\(length) tokens per window",
                expected: "at least 2: the first token of a window is not scored")
        }
        count = min(ids.count / length, limit ?? Int.max)
        self.length = length
        // Shortened in place: a copy would be as large as the text.
        var kept = consume ids
        kept.removeLast(kept.count - count * length)
        self.ids = kept
    }

    /// A text's tokens cut into consecutive windows; the last partial one is dropped.
    ///
    /// - Parameter beginning: BOS, which each window then begins with in front of `length` − 1 tokens of the text, all
    ///   of which are scored. One that the text itself begins with does not stand twice.
    /// - Throws: `badData` when there is not one whole window.
    public init(
        consecutive ids: consuming [Int32], beginning: Int32? = nil, length: Int, limit: Int? = nil
    ) throws(Fault) {
        let start = beginning != nil && ids.first == beginning ? 1 : 0
        let taken = length - (beginning == nil ? 0 : 1)
        guard ids.count - start >= taken else {
            throw Fault(
                .badData, "the text is too short for one window", found: "\(ids.count - start) tokens",
                expected: "at least \(taken) tokens", advice: "use a longer text or a smaller --context")
        }
        guard let beginning, taken > 0 else {
            try self.init(ids: ids, length: length, limit: limit)
            return
        }
        let text = ids[start...]
        let count = min(text.count / taken, limit ?? Int.max)
        var rows: [Int32] = []
        rows.reserveCapacity(count * length)
        for window in 0..<count {
            rows.append(beginning)
            rows += text.dropFirst(window * taken).prefix(taken)
        }
        try self.init(ids: rows, length: length)
    }

    /// Tokens that are scored.
    public var scoredTokens: Int { count * (length - 1) }

    subscript(window: Int) -> ArraySlice<Int32> { ids[window * length..<(window + 1) * length] }

    /// - Throws: `badData` with window, position and id of the first one that the model does not know.
    public func checkVocabulary(_ size: Int) throws(Fault) {
        guard let position = ids.firstIndex(where: { $0 < 0 || Int($0) >= size }) else { return }
        throw Fault(
            .badData, "a token id is not in the model's vocabulary",
            place: "window \(position / length), position \(position % length)", found: "id \(ids[position])",
            expected: "0 to \(size - 1)", advice: "make the tokens with this model's own tokenizer")
    }
}
