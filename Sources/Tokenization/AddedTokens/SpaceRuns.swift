/// The white space around places of one text that are asked for from the left to the right.
///
/// The run found last is kept, so that many places within one long run do not each go over it again.
struct SpaceRuns {
    /// White space between a place and where its run ends.
    private var after = -1 ..< -1
    /// White space between where a run starts and a place.
    private var before = -1 ..< -1

    /// The end of the run of white space that starts at `index`, which is `index` where there is none.
    mutating func end(after index: Int, in text: UTF8Text) -> Int {
        if after.lowerBound <= index, index <= after.upperBound { return after.upperBound }
        var at = index
        while at < text.count {
            let (scalar, length) = text.scalar(at: at)
            guard SpaceRuns.isSpace(scalar) else { break }
            at += length
        }
        after = index..<at
        return at
    }

    /// The start of the run of white space that ends at `index`, which is `index` where there is none.
    mutating func start(before index: Int, in text: UTF8Text) -> Int {
        var at = index
        while at > 0 {
            if at == before.upperBound {
                at = before.lowerBound
                break
            }
            let start = text.start(ofScalarBefore: at)
            guard SpaceRuns.isSpace(text.scalar(at: start).value) else { break }
            at = start
        }
        before = at..<index
        return at
    }

    private static func isSpace(_ scalar: UInt32) -> Bool {
        Unicode.Scalar(scalar)?.properties.isWhitespace ?? false
    }
}
