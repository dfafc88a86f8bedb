#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An item's result.
public struct ItemScore: Equatable, Sendable {
    /// One for each choice; for a running text one with the sum over its windows.
    public var likelihoods: [Likelihood]
    /// The likeliest choice, and the likeliest by `acc_norm`'s measure; the first of equals.
    public var predicted: Int
    public var predictedNormalized: Int
    /// The right choice; 0 for an item without choices.
    public var gold: Int
    /// Words and bytes of a running text.
    public var words: Int
    public var bytes: Int
    /// Log-likelihoods divided by the choices' Unicode scalars.
    public var normalized: [Double]

    public init(_ item: TaskItem, _ answers: [Likelihood]) {
        likelihoods = answers
        words = 0
        bytes = 0
        gold = 0
        let sums = answers.map(\.logProbability)
        normalized = sums
        switch item {
        case .choices(_, let choices, let right):
            gold = right
            normalized = zip(sums, choices).map { $0 / Double($1.unicodeScalars.count) }
        case .prompts(_, _, let right): gold = right
        case .completion: break
        case .text(_, let wordCount, let byteCount):
            (words, bytes) = (wordCount, byteCount)
            likelihoods = [
                Likelihood(logProbability: sums.reduce(0, +), isGreedy: answers.allSatisfy(\.isGreedy))
            ]
            normalized = likelihoods.map(\.logProbability)
        }
        predicted = ItemScore.firstLargest(sums)
        predictedNormalized = ItemScore.firstLargest(normalized)
    }

    /// `numpy.argmax`: the first largest; the first that is not a number where there is one.
    static func firstLargest(_ values: [Double]) -> Int {
        if let index = values.firstIndex(where: \.isNaN) { return index }
        return values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }

    var isNumber: Bool { likelihoods.allSatisfy { !$0.logProbability.isNaN } }
}

/// A figure with its standard error, where there is one.
public struct TaskValue: Equatable, Sendable {
    public var metric: TaskMetric
    public var value: Double
    public var standardError: Double?
}

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

/// What a model scored on a task.
public struct TaskScores: Equatable, Sendable {
    public let items: [ItemScore]
    public let values: [TaskValue]
    /// Items for which the model's predictions were not numbers; the figures are then none either.
    public let notNumbers: Int
    public let ties: [Tie]

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
