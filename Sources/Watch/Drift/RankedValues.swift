/// Numbers in order, to which one is added at a time: runs of bounded length, so that a year of intervals is ranked in
/// a moment.
struct RankedValues: Sendable {
    private static let longestRun = 1024
    /// Ascending, as are the numbers within; none is empty.
    private var runs: [[Double]] = []
    private(set) var count = 0

    /// - Parameter value: not NaN.
    mutating func insert(_ value: Double) {
        count += 1
        guard !runs.isEmpty else {
            runs = [[value]]
            return
        }
        let index = max(0, (runs.firstIndex { $0[0] > value } ?? runs.count) - 1)
        runs[index].insert(value, at: RankedValues.first(in: runs[index]) { $0 > value })
        guard runs[index].count > RankedValues.longestRun else { return }
        let middle = runs[index].count / 2
        runs.insert(Array(runs[index][middle...]), at: index + 1)
        runs[index].removeSubrange(middle...)
    }

    /// How many are larger than the value, and how many equal it.
    func counts(at value: Double) -> (larger: Int, equal: Int) {
        var (larger, equal) = (0, 0)
        for run in runs {
            if run[0] > value {
                larger += run.count
            } else if run[run.count - 1] >= value {
                let end = RankedValues.first(in: run) { $0 > value }
                larger += run.count - end
                equal += end - RankedValues.first(in: run) { $0 >= value }
            }
        }
        return (larger, equal)
    }

    /// The first place from which on the condition holds.
    private static func first(in run: [Double], where holds: (Double) -> Bool) -> Int {
        var (low, high) = (0, run.count)
        while low < high {
            let middle = (low + high) / 2
            if holds(run[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
