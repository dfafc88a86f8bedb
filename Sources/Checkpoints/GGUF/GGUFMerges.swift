import Faults

/// The merges of a GGUF file's tokenizer, the first to be tried first. Pairs of strings would take ten times as much.
enum GGUFMerges: Sendable {
    /// As the file has them: two tokens with a space between.
    case listed(PackedStrings)
    /// To be made of the vocabulary and the tokens' scores.
    case scored(GGUFScoredMerges)
    /// Made of them: ids.
    case made([Pair], PackedStrings)

    struct Pair: Equatable, Sendable {
        var left: Int32
        var right: Int32
        /// What the two are together.
        var whole: Int32
    }

    var count: Int {
        switch self {
        case .listed(let merges): merges.count
        case .scored(let scored): scored.pairs().count
        case .made(let pairs, _): pairs.count
        }
    }

    /// The same, made where they were still to be made.
    func prepared() -> GGUFMerges {
        guard case .scored(let scored) = self else { return self }
        return .made(scored.pairs(), scored.vocabulary.tokens)
    }

    /// Calls with both parts of every merge, in order.
    func forEach(_ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void) {
        switch self {
        case .listed(let merges):
            for index in merges.indices {
                merges.withBytes(index) { merge in
                    guard let space = GGUFMerges.space(in: merge) else { return }
                    body(
                        UnsafeBufferPointer(rebasing: merge[..<space]),
                        UnsafeBufferPointer(rebasing: merge[(space + 1)...]))
                }
            }
        case .scored: prepared().forEach(body)
        case .made(let pairs, let tokens):
            for pair in pairs {
                tokens.withBytes(Int(pair.left)) { left in
                    tokens.withBytes(Int(pair.right)) { body(left, $0) }
                }
            }
        }
    }

    /// Where a merge is divided. Byte-level tokens hold no space, so the first one divides.
    private static func space(in merge: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let space = merge.firstIndex(of: 0x20), space > 0, space + 1 < merge.count else { return nil }
        return space
    }
}

extension GGUFMerges {
    /// The merges that a file lists.
    ///
    /// - Throws: `badData` for one that is not two tokens.
    init(listed metadata: GGUFMetadata) throws(Fault) {
        let key = "tokenizer.ggml.merges"
        let merges = try metadata.required(key, try metadata.packedStrings(key))
        for index in merges.indices where merges.withBytes(index, GGUFMerges.space) == nil {
            throw Fault(
                .badData, "a merge is not two tokens with a space between", file: metadata.file,
                place: "key '\(key)', item \(index)", found: "'\(merges[index])'")
        }
        self = .listed(merges)
    }
}
