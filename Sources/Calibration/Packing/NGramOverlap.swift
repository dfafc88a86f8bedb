/// How much of an evaluation text also stands in the calibration text: shared runs of 13 tokens.
///
/// Runs of token ids rather than of words, because a token file has no words; the 13 follows the usual decontamination of
/// training text (Brown et al. 2020).
public struct NGramOverlap: Equatable, Sendable {
    public static let length = 13

    /// Different runs of the evaluation text.
    public let total: Int
    /// Those of them that the calibration tokens hold.
    public let found: Int

    /// `found / total`, from 0 to 1.
    public var share: Double { total == 0 ? 0 : Double(found) / Double(total) }

    public static func between(calibration: TokenMatrix, evaluation: [ArraySlice<Int32>]) -> NGramOverlap {
        var wanted: Set<UInt64> = []
        for piece in evaluation { forEachHash(of: piece) { wanted.insert($0) } }
        var found: Set<UInt64> = []
        for row in 0..<calibration.rows {
            forEachHash(of: calibration[row]) { if wanted.contains($0) { found.insert($0) } }
        }
        return NGramOverlap(total: wanted.count, found: found.count)
    }

    /// A 64-bit hash of every run; two different runs of a text share one by chance with probability below 1e-7.
    private static func forEachHash(of tokens: ArraySlice<Int32>, _ body: (UInt64) -> Void) {
        guard tokens.count >= length else { return }
        for start in tokens.startIndex...(tokens.endIndex - length) {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for token in tokens[start..<start + length] {
                hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
            }
            body(hash)
        }
    }
}
