/// What becomes of the matches of a pattern when a text is split by it.
enum SplitBehavior: String, Sendable {
    /// They are dropped.
    case removed = "Removed"
    /// Each is a piece of its own.
    case isolated = "Isolated"
    /// Each joins the piece before it.
    case mergedWithPrevious = "MergedWithPrevious"
    /// Each joins the piece after it.
    case mergedWithNext = "MergedWithNext"
    /// Neighbouring matches are one piece.
    case contiguous = "Contiguous"

    /// A stretch of the text and whether it matched.
    struct Stretch {
        var range: Range<Int>
        var isMatch: Bool
    }

    /// The pieces of a text given as stretches that cover it, from the left.
    func pieces(_ stretches: [Stretch]) -> [Range<Int>] {
        switch self {
        case .removed: return stretches.filter { !$0.isMatch }.map(\.range)
        case .isolated: return stretches.map(\.range)
        case .mergedWithPrevious: return merged(stretches)
        case .mergedWithNext: return merged(stretches.reversed()).reversed()
        case .contiguous:
            var pieces: [Range<Int>] = []
            var previous: Bool?
            for stretch in stretches {
                if stretch.isMatch == previous, let last = pieces.popLast() {
                    pieces.append(last.lowerBound..<stretch.range.upperBound)
                } else {
                    pieces.append(stretch.range)
                }
                previous = stretch.isMatch
            }
            return pieces
        }
    }

    /// A match joins the piece met before it unless that piece was a match too.
    private func merged(_ stretches: [Stretch]) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var previousIsMatch = false
        for stretch in stretches {
            if stretch.isMatch, !previousIsMatch, let last = pieces.popLast() {
                let lower = min(last.lowerBound, stretch.range.lowerBound)
                pieces.append(lower..<max(last.upperBound, stretch.range.upperBound))
            } else {
                pieces.append(stretch.range)
            }
            previousIsMatch = stretch.isMatch
        }
        return pieces
    }

    /// Matches and what lies between them, as stretches of a text of `count` bytes.
    static func stretches(matches: [Range<Int>], count: Int, inverted: Bool) -> [Stretch] {
        var stretches: [Stretch] = []
        var end = 0
        for match in matches where !match.isEmpty {
            if match.lowerBound > end { stretches.append(Stretch(range: end..<match.lowerBound, isMatch: inverted)) }
            stretches.append(Stretch(range: match, isMatch: !inverted))
            end = match.upperBound
        }
        if end < count { stretches.append(Stretch(range: end..<count, isMatch: inverted)) }
        return stretches
    }
}
