import Faults

/// Ids by the tokens of a GGUF file: a hash table of four bytes a slot over the tokens as the file packs them.
struct GGUFVocabulary: Sendable {
    let tokens: PackedStrings
    /// Open addressing: an id, or -1.
    private var slots: [Int32]

    /// - Parameters:
    ///   - tokens: by id, of 2^31 at most.
    ///   - file: whose they are, for messages.
    /// - Throws: `badData` for a token that stands twice.
    init(_ tokens: PackedStrings, file: String) throws(Fault) {
        self.tokens = tokens
        var capacity = 16
        while capacity < tokens.count * 2 { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        for id in tokens.indices {
            let place = tokens.withBytes(id) { slot(of: $0) }
            guard slots[place] < 0 else {
                throw Fault(
                    .badData, "a token appears twice in the vocabulary", file: file,
                    place: "key 'tokenizer.ggml.tokens', id \(id)", found: "'\(tokens[id])'")
            }
            slots[place] = Int32(id)
        }
    }

    /// The id of a token given as bytes; nil where there is none.
    func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
        let id = slots[slot(of: token)]
        return id < 0 ? nil : id
    }

    /// The token's slot, or the empty one that it would take.
    private func slot(of token: UnsafeBufferPointer<UInt8>) -> Int {
        // Seeded anew in every process: a hostile file cannot aim at collisions.
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(token))
        var slot = hasher.finalize() & (slots.count - 1)
        while case let id = slots[slot], id >= 0, !tokens.withBytes(Int(id), { $0.elementsEqual(token) }) {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }
}
