/// Normalizers that together put a prefix before a text and write each byte of it anew whatever stands beside it, as
/// the usual ones of SentencePiece's models do: one pass and one copy for all of them, of any part of a text.
struct BytewiseSteps: Sendable {
    /// What stands before every text that is not empty.
    let prefix: [UInt8]
    /// What each byte becomes.
    private let images: [[UInt8]]
    private let isChanged: [Bool]

    /// Bytes that a step may write for one, and all of them together: steps that feed each other grow without end, and
    /// are refused elsewhere.
    private static let most = 64

    /// Nil where a step looks at more than one byte, can leave nothing of one, or writes much for it.
    init?(_ steps: [Normalizer]) {
        var prefix: [UInt8] = []
        var images = (UInt8.min...UInt8.max).map { [$0] }
        for step in steps {
            switch step {
            case .prepend(let more): prefix = more + prefix
            case .replace(let pattern, let content)
            where pattern.count == 1 && pattern[0] < 0x80 && !content.isEmpty
                && content.count <= BytewiseSteps.most:
                prefix = step.apply(to: prefix)
                images = images.map { step.apply(to: $0) }
            default: return nil
            }
            guard prefix.count <= BytewiseSteps.most, images.allSatisfy({ $0.count <= BytewiseSteps.most }) else {
                return nil
            }
        }
        self.prefix = prefix
        self.images = images
        isChanged = images.indices.map { images[$0] != [UInt8($0)] }
    }

    func image(of byte: UInt8) -> [UInt8] { images[Int(byte)] }

    func changes(_ byte: UInt8) -> Bool { isChanged[Int(byte)] }

    /// Whether a byte stands in no text that these steps gave.
    func removes(_ byte: UInt8) -> Bool { !prefix.contains(byte) && !images.contains { $0.contains(byte) } }

    /// - Parameter startsText: false for a part that does not stand first, which gets no prefix.
    func apply(to text: UTF8Text, startsText: Bool = true) -> [UInt8] {
        guard !text.isEmpty else { return [] }
        let prefix = startsText ? prefix : []
        // The length is counted first, since an array that grows is for a moment there twice.
        var count = prefix.count + text.count
        for byte in text where isChanged[Int(byte)] { count += images[Int(byte)].count - 1 }
        var output: [UInt8] = []
        output.reserveCapacity(count)
        output.append(contentsOf: prefix)
        var done = 0
        for at in text.indices where isChanged[Int(text[at])] {
            output.append(contentsOf: text[done..<at])
            output.append(contentsOf: images[Int(text[at])])
            done = at + 1
        }
        output.append(contentsOf: text[done...])
        return output
    }
}
