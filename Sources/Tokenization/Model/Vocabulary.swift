import Faults

/// Tokens by id and ids by token; ids run from 0 without a gap.
struct Vocabulary: Sendable {
    private let bytes: [UInt8]
    /// Where each token starts in `bytes`, and one more.
    private let offsets: [Int]
    /// Open addressing: an id, or -1.
    private let slots: [Int32]
    /// How many tokens, from id 0, the model knows; the rest exist only as added tokens.
    private let isInModel: [Bool]

    /// - Parameters:
    ///   - tokens: the token of every id.
    ///   - isInModel: whether the model itself has the token, for every id.
    /// - Throws: `Fault` of kind `badData` for a token that stands twice.
    init(tokens: [String], isInModel: [Bool]) throws(Fault) {
        var bytes: [UInt8] = []
        var offsets = [0]
        offsets.reserveCapacity(tokens.count + 1)
        for token in tokens {
            bytes.append(contentsOf: token.utf8)
            offsets.append(bytes.count)
        }
        var capacity = 16
        while capacity < tokens.count * 2 { capacity *= 2 }
        var slots = [Int32](repeating: -1, count: capacity)
        let duplicate: Int? = bytes.withUnsafeBufferPointer { text in
            for id in tokens.indices {
                let token = text.part(offsets[id]..<offsets[id + 1])
                var slot = Vocabulary.hash(token) & (capacity - 1)
                while slots[slot] >= 0 {
                    let other = Int(slots[slot])
                    if text.part(offsets[other]..<offsets[other + 1]).elementsEqual(token) { return id }
                    slot = (slot + 1) & (capacity - 1)
                }
                slots[slot] = Int32(id)
            }
            return nil
        }
        if let duplicate {
            throw Fault(
                .badData, "a token appears twice in the tokenizer", place: "id \(duplicate)",
                found: "\"\(tokens[duplicate])\"")
        }
        self.bytes = bytes
        self.offsets = offsets
        self.slots = slots
        self.isInModel = isInModel
    }

    var count: Int { offsets.count - 1 }

    /// The id of a token, be it the model's or an added one.
    func id(of token: UTF8Text) -> Int32? {
        bytes.withUnsafeBufferPointer { text in
            var slot = Vocabulary.hash(token) & (slots.count - 1)
            while slots[slot] >= 0 {
                let id = Int(slots[slot])
                let range = offsets[id]..<offsets[id + 1]
                if range.count == token.count, text.part(range).elementsEqual(token) { return Int32(id) }
                slot = (slot + 1) & (slots.count - 1)
            }
            return nil
        }
    }

    func id(of token: [UInt8]) -> Int32? { token.withUnsafeBufferPointer { id(of: $0) } }

    /// The id of a token that the model itself has.
    func modelID(of token: UTF8Text) -> Int32? {
        id(of: token).flatMap { isInModel[Int($0)] ? $0 : nil }
    }

    func modelID(of token: [UInt8]) -> Int32? { token.withUnsafeBufferPointer { modelID(of: $0) } }

    func token(of id: Int32) -> [UInt8]? {
        guard id >= 0, Int(id) < count else { return nil }
        return Array(bytes[offsets[Int(id)]..<offsets[Int(id) + 1]])
    }

    /// The ids of `<0x00>` … `<0xFF>`, -1 where the model has none.
    func byteTokens() -> [Int32] {
        (UInt8.min...UInt8.max).map { byte in
            let hex = String(byte, radix: 16, uppercase: true)
            return modelID(of: Array("<0x\(byte < 16 ? "0" : "")\(hex)>".utf8)) ?? -1
        }
    }

    /// Calls with every token that stands at a place of a text, and where it ends; the shortest first.
    ///
    /// - Parameters:
    ///   - sorted: ids by their tokens' bytes.
    ///   - starts: where the tokens with each first byte start in `sorted`, and one more.
    func forEachPrefix(
        of text: UTF8Text, from place: Int, among sorted: [Int32], starts: [Int], _ body: (Int32, Int) -> Void
    ) {
        bytes.withUnsafeBufferPointer { bytes in
            func byte(_ position: Int, _ depth: Int) -> Int {
                let id = Int(sorted[position])
                let at = offsets[id] + depth
                return at < offsets[id + 1] ? Int(bytes[at]) : -1
            }
            let first = Int(text[place])
            var (low, high) = (starts[first], starts[first + 1])
            var depth = 1
            while low < high {
                // A token that ends here stands first among those that begin like the text up to here.
                if byte(low, depth) < 0 {
                    body(sorted[low], place + depth)
                    low += 1
                }
                guard place + depth < text.count else { return }
                let wanted = Int(text[place + depth])
                low = Vocabulary.bound(low, high) { byte($0, depth) < wanted }
                high = Vocabulary.bound(low, high) { byte($0, depth) <= wanted }
                depth += 1
            }
        }
    }

    /// The first place of a range that is not `before`, which holds for a beginning of it.
    @inline(__always)
    private static func bound(_ low: Int, _ high: Int, _ before: (Int) -> Bool) -> Int {
        var (low, high) = (low, high)
        while low < high {
            let middle = (low + high) / 2
            if before(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Ids of the model's tokens, in order.
    var modelIDs: [Int32] { (0..<count).filter { isInModel[$0] }.map { Int32($0) } }

    /// Seeded per process, so that a hostile vocabulary cannot aim at collisions.
    private static func hash(_ token: UTF8Text) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(token))
        return hasher.finalize() & Int.max
    }
}
