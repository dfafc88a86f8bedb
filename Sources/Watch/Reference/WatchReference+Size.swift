import Faults

/// References are read whole, and each prompt takes memory of its own beside its tokens.
extension WatchReference {
    /// As many as a log of prompts may have.
    static let mostPrompts = 131_072
    /// Of the file, some two million positions of 64 tokens each.
    static let mostBytes = 1 << 30

    /// Told before the model predicts anything.
    ///
    /// - Throws: `badData` for prompts whose reference would be larger than is read.
    public func checkSize(_ path: String) throws(Fault) {
        try WatchReference.check(prompts: prompts.count, file: path)
        let bytes = prompts.reduce(0) { $0 + 4 * $1.ids.count + 8 } + positions * (8 * topCount + 4)
        guard bytes > WatchReference.mostBytes else { return }
        throw Fault(
            .badData, "the reference would be larger than the largest that can be read", file: path,
            found: "\(positions) positions of \(topCount) tokens, \(bytes) bytes",
            expected: "at most \(WatchReference.mostBytes) bytes",
            advice: "give fewer prompts, or a smaller --length or --top")
    }

    /// - Throws: `badData` for more prompts than a reference may have.
    static func check(prompts: Int, file: String) throws(Fault) {
        guard prompts > mostPrompts else { return }
        throw Fault(
            .badData, "the reference has too many prompts", file: file, place: "tensor 'lengths'",
            found: "\(prompts) prompts", expected: "at most \(mostPrompts)",
            advice: "write the reference again with fewer prompts")
    }

    /// - Throws: `badData` for a file that is larger than is read.
    static func check(bytes: Int, file: String) throws(Fault) {
        // Beside the tensors stand the header and the metadata.
        guard bytes > mostBytes + 1 << 20 else { return }
        throw Fault(
            .badData, "the reference is too large", file: file, found: "\(bytes) bytes",
            expected: "at most \(mostBytes) bytes of tensors",
            advice: "write the reference again with fewer prompts or a smaller --top")
    }
}
