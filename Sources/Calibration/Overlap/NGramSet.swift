import Crypto

/// The different runs of 13 words of a text, or of 13 token ids where there are no words, each as 48 bits of SHA-256.
///
/// The 13 follows the usual decontamination of training text (Brown et al. 2020). The hash has no key: whoever has a
/// text can tell whether it was there, and that is what it is for. Of two different runs one has the other's 48 bits by
/// chance with probability 4e-15, so that a text is not read back from them: far more runs of 13 words than values are
/// possible.
public struct NGramSet: Equatable, Sendable {
    public static let length = 13

    public enum Level: String, Sendable {
        case words
        case tokens
    }

    public let level: Level
    private(set) var hashes: Set<UInt64> = []

    public init(_ level: Level) { self.level = level }

    /// The runs of rows of tokens.
    ///
    /// - Parameter text: decodes a row; nil where nothing can, which leaves the ids.
    public init(rows: some Sequence<ArraySlice<Int32>>, text: (ArraySlice<Int32>) -> String?) {
        var runs = NGramSet(.words)
        for row in rows {
            if let text = text(row) {
                runs.add(text)
            } else {
                if runs.level == .words { runs = NGramSet(.tokens) }
                runs.add(row)
            }
        }
        self = runs
    }

    /// Adds the runs of a text's words.
    public mutating func add(_ text: String) {
        // No word holds the separator.
        add(TextWords.of(text).map { $0 + [0x20] }, seed: Array("words ".utf8))
    }

    /// Adds the runs of token ids.
    public mutating func add(_ tokens: ArraySlice<Int32>) {
        add(tokens.map { withUnsafeBytes(of: $0.littleEndian) { Array($0) } }, seed: Array("tokens ".utf8))
    }

    private mutating func add(_ items: [[UInt8]], seed: [UInt8]) {
        guard items.count >= NGramSet.length else { return }
        for start in 0...(items.count - NGramSet.length) {
            var hash = SHA256()
            hash.update(data: seed)
            hash.update(data: items[start..<start + NGramSet.length].flatMap { $0 })
            hashes.insert(hash.finalize().prefix(6).reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    /// How much of an evaluation text stands here, too; nil where the two hold words and tokens.
    public func overlap(with evaluation: NGramSet) -> NGramOverlap? {
        guard level == evaluation.level else { return nil }
        return NGramOverlap(
            level: level, total: evaluation.hashes.count, found: evaluation.hashes.count(where: hashes.contains))
    }
}
