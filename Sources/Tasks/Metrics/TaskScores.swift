#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a model scored on a task.
public struct TaskScores: Equatable, Sendable {
    public let items: [ItemScore]
    public let values: [TaskValue]
    /// Items for which the model's predictions were not numbers; the figures are then none either.
    public let notNumbers: Int
    public let ties: [Tie]
    /// For the standard error of a figure that is no mean.
    public static var bootstrapDraws: Int { Int(Bootstrap.seeds) * Bootstrap.drawsPerSeed }

    public init(_ task: LoadedTask, _ answers: [[Likelihood]]) {
        self.init(
            metrics: task.definition.metrics, items: zip(task.items, answers).map { ItemScore($0, $1) },
            choosesAmong: task.items.map { item in
                if case .choices = item { return true }
                if case .prompts = item { return true }
                return false
            })
    }

    init(metrics: [TaskMetric], items: [ItemScore], choosesAmong: [Bool]) {
        self.items = items
        notNumbers = items.count { !$0.isNumber }
        let areNumbers = notNumbers == 0
        values = metrics.map { metric in
            let value = TaskScores.value(metric, items, choosesAmong)
            return areNumbers ? value : TaskValue(metric: metric, value: .nan, standardError: nil)
        }
        var ties: [Tie] = []
        for (index, item) in items.enumerated() where choosesAmong[index] && item.isNumber {
            for metric in metrics {
                let scores = metric == .normalizedAccuracy ? item.normalized : item.likelihoods.map(\.logProbability)
                let best = metric == .normalizedAccuracy ? item.predictedNormalized : item.predicted
                let others = scores.indices.filter { $0 != best }
                guard let second = others.max(by: { scores[$0] < scores[$1] }) else { continue }
                let difference = scores[best] - scores[second]
                guard difference < Tie.threshold else { continue }
                ties.append(Tie(item: index, metric: metric, choices: [best, second], difference: difference))
            }
        }
        self.ties = ties
    }

    private static func value(_ metric: TaskMetric, _ items: [ItemScore], _ choosesAmong: [Bool]) -> TaskValue {
        switch metric {
        case .accuracy:
            return mean(
                metric,
                zip(items, choosesAmong).map { item, chooses in
                    chooses ? item.predicted == item.gold : item.likelihoods[0].isGreedy
                })
        case .normalizedAccuracy: return mean(metric, items.map { $0.predictedNormalized == $0.gold })
        case .perplexity:
            let values = items.map { $0.likelihoods[0].logProbability }
            return TaskValue(
                metric: metric, value: exp(-Statistics.mean(values)),
                standardError: Bootstrap.perplexityError(values))
        case .wordPerplexity:
            return TaskValue(metric: metric, value: exp(-perUnit(items, \.words)), standardError: nil)
        case .bytePerplexity:
            return TaskValue(metric: metric, value: exp(-perUnit(items, \.bytes)), standardError: nil)
        case .bitsPerByte:
            return TaskValue(metric: metric, value: -perUnit(items, \.bytes) / log(2), standardError: nil)
        }
    }

    private static func mean(_ metric: TaskMetric, _ isRight: [Bool]) -> TaskValue {
        let values = isRight.map { $0 ? 1.0 : 0 }
        return TaskValue(
            metric: metric, value: Statistics.mean(values), standardError: Statistics.standardError(values))
    }

    private static func perUnit(_ items: [ItemScore], _ unit: KeyPath<ItemScore, Int>) -> Double {
        items.reduce(0) { $0 + $1.likelihoods[0].logProbability } / Double(items.reduce(0) { $0 + $1[keyPath: unit] })
    }
}
