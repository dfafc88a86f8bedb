/// Means and their standard errors.
enum Statistics {
    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    /// The sample's standard deviation, with n − 1.
    static func deviation(_ values: [Double]) -> Double {
        let center = mean(values)
        let squares = values.reduce(0) { $0 + ($1 - center) * ($1 - center) }
        return (squares / Double(values.count - 1)).squareRoot()
    }

    /// deviation/√n; nil for a single value.
    static func standardError(_ values: [Double]) -> Double? {
        values.count > 1 ? deviation(values) / Double(values.count).squareRoot() : nil
    }

    /// The mean of groups by their sizes, and its standard error from the pooled variance.
    static func pooled(_ parts: [(value: Double, error: Double?, size: Int)]) -> (value: Double, error: Double?) {
        let total = Double(parts.reduce(0) { $0 + $1.size })
        let value = parts.reduce(0) { $0 + $1.value * Double($1.size) } / total
        var variance = 0.0
        for part in parts {
            guard let error = part.error else { return (value, nil) }
            variance += Double(part.size - 1) * error * error * Double(part.size)
        }
        return (value, (variance / (total - Double(parts.count)) / total).squareRoot())
    }
}

extension TaskGroup {
    /// The accuracy of all the group's items together.
    ///
    /// - Parameter scores: by task.
    public func accuracy(_ scores: [String: TaskScores]) -> TaskValue? {
        var parts: [(value: Double, error: Double?, size: Int)] = []
        for task in tasks {
            guard let found = scores[task], let value = found.values.first(where: { $0.metric == .accuracy }) else {
                return nil
            }
            parts.append((value.value, value.standardError, found.items.count))
        }
        let (value, error) = Statistics.pooled(parts)
        return TaskValue(metric: .accuracy, value: value, standardError: error)
    }
}
