import Pruning
import Torch

/// The zeros that a method promises in a linear: a count in every group of weights that its mask compares.
///
/// There may be more: zeros of the source among those that stay, and weights that the number type of the output takes
/// for zero.
public struct ZeroDemand: Equatable, Sendable {
    /// What is counted together.
    public enum Group: Equatable, Sendable {
        case matrix
        case row
        /// All rows of so many columns; the last group may have fewer.
        case columns(Int)
        /// So many consecutive columns of one row.
        case run(Int)

        /// "in every row"
        public var words: String {
            switch self {
            case .matrix: "in every matrix"
            case .row: "in every row"
            case .columns(let width): "in every \(width) columns"
            case .run(let width): "in every \(width) consecutive columns of a row"
            }
        }
    }

    /// Too few zeros in a group.
    public struct Shortfall: Equatable, Sendable {
        public var found: Int
        public var expected: Int
    }

    public let group: Group
    private let goal: Goal
    private let rows: Int
    private let columns: Int

    /// - Parameters:
    ///   - goal: of a linear with a weight of [rows, columns].
    ///   - group: what the method compares, unless a K:M pattern says so.
    public init(_ goal: Goal, group: ComparisonGroup, rows: Int, columns: Int) {
        self.goal = goal
        self.rows = rows
        self.columns = columns
        if case .keep(_, let width) = goal.pattern {
            self.group = .run(width)
        } else {
            switch group {
            case .matrix: self.group = .matrix
            case .row: self.group = .row
            case .columns(let width): self.group = .columns(width)
            }
        }
    }

    /// Zeros of a group of so many weights.
    private func least(of count: Int) -> Int {
        if case .keep(let kept, let width) = goal.pattern { return width - kept }
        return goal.removed(of: count)
    }

    /// Where the groups of `columns(width)` begin.
    private func starts(_ width: Int) -> StrideTo<Int> { stride(from: 0, to: columns, by: width) }

    /// Zeros of all groups.
    public var total: Int {
        switch group {
        case .matrix: least(of: rows * columns)
        case .row: rows * least(of: columns)
        case .columns(let width): starts(width).reduce(0) { $0 + least(of: rows * min(width, columns - $1)) }
        case .run(let width): rows * columns / width * least(of: width)
        }
    }

    /// The first group with too few zeros.
    ///
    /// - Parameter weight: [rows, columns]
    func shortfall(in weight: Tensor) -> Shortfall? {
        let zeros = weight.isEqual(to: 0)
        func fewest(_ counts: Tensor) -> Int { Int(-(counts.to(.float32) * -1).maximum().scalar) }
        switch group {
        case .matrix: return shortfall(Int(zeros.sum().scalar), of: rows * columns)
        case .row: return shortfall(fewest(zeros.sum(1)), of: columns)
        case .run(let width): return shortfall(fewest(zeros.reshaped([-1, width]).sum(1)), of: width)
        case .columns(let width):
            for start in starts(width) {
                let count = min(width, columns - start)
                if let short = shortfall(Int(zeros.narrowed(1, start, count).sum().scalar), of: rows * count) {
                    return short
                }
            }
            return nil
        }
    }

    /// The same of values in memory, row by row.
    public func shortfall(in values: [Float]) -> Shortfall? {
        switch group {
        case .matrix: return shortfall(values.count { $0 == 0 }, of: values.count)
        case .row: return shortfall(in: values, runs: columns)
        case .run(let width): return shortfall(in: values, runs: width)
        case .columns(let width):
            for start in starts(width) {
                let count = min(width, columns - start)
                var zeros = 0
                for row in 0..<rows {
                    let first = row * columns + start
                    zeros += values[first..<first + count].count { $0 == 0 }
                }
                if let short = shortfall(zeros, of: rows * count) { return short }
            }
            return nil
        }
    }

    private func shortfall(in values: [Float], runs width: Int) -> Shortfall? {
        for start in stride(from: 0, to: values.count, by: width) {
            if let short = shortfall(values[start..<start + width].count { $0 == 0 }, of: width) { return short }
        }
        return nil
    }

    private func shortfall(_ found: Int, of count: Int) -> Shortfall? {
        let expected = least(of: count)
        return found < expected ? Shortfall(found: found, expected: expected) : nil
    }
}
