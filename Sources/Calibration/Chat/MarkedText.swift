/// A text that knows which of its bytes an assistant wrote.
struct MarkedText: Equatable, Sendable {
    private(set) var text = ""
    /// Ranges of the text's UTF-8, ascending, apart and none empty.
    private(set) var replies: [Range<Int>] = []

    mutating func append(_ part: String, isReply: Bool = false) {
        let start = text.utf8.count
        text += part
        let end = text.utf8.count
        guard isReply, end > start else { return }
        if let last = replies.last, last.upperBound == start {
            replies[replies.count - 1] = last.lowerBound..<end
        } else {
            replies.append(start..<end)
        }
    }

    /// Appends a message: what stands before it, what its role says and ends its turn with, and what stands after it.
    mutating func append(_ role: ChatMessage.Role, _ opening: String, _ words: String, _ closing: String = "") {
        append(opening)
        append(words, isReply: role == .assistant)
        append(closing)
    }
}
