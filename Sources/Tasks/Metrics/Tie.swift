/// An item whose two best choices are so close that rounding may decide between them.
public struct Tie: Equatable, Sendable {
    /// The item's number in the file, from 0.
    public var item: Int
    public var metric: TaskMetric
    /// The two best, the better first.
    public var choices: [Int]
    public var difference: Double

    /// Differences below this one are listed.
    public static let threshold = 1e-4
}
