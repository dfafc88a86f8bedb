/// A set of scalars: classes and ranges, or all but these.
struct ScalarSet: Sendable, Equatable {
    let isNegated: Bool
    let classes: UInt16
    /// From the lowest to the highest, without touching each other: published lists have well over a hundred.
    let ranges: [ClosedRange<UInt32>]

    init(isNegated: Bool = false, classes: UInt16 = 0, ranges: [ClosedRange<UInt32>] = []) {
        self.isNegated = isNegated
        self.classes = classes
        var joined: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound &+ 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        self.ranges = joined
    }

    @inline(__always)
    func contains(_ scalar: UInt32, _ table: ScalarClasses) -> Bool {
        (table.of(scalar) & classes != 0 || isInRange(scalar)) != isNegated
    }

    private func isInRange(_ scalar: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }
}
