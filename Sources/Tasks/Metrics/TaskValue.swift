/// A figure with its standard error, where there is one.
public struct TaskValue: Equatable, Sendable {
    public var metric: TaskMetric
    public var value: Double
    public var standardError: Double?
}
