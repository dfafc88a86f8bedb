import Gate

/// A recovered run beside the pruned one that it began with, on the texts and tasks that both were evaluated on.
struct RecoveryGain {
    struct Text {
        var pruned: PublishedRun.Text
        var recovered: PublishedRun.Text
        /// The dense model's perplexity.
        var dense: Double?

        /// The share of the log-perplexity gap to the dense model that is closed; nil where there is none.
        var gapClosed: Double? {
            guard let dense, let before = pruned.perplexity, let after = recovered.perplexity else { return nil }
            return PerplexityGap.closed(dense: dense, before: before, after: after)
        }
    }

    struct Task {
        var name: String
        var metric: String
        var dense: Value?
        var pruned: Value
        var recovered: Value

        struct Value {
            var value: Double
            var standardError: Double?
        }

        /// Its error is that of two measurements which have nothing to do with each other.
        var change: Value {
            let errors = [pruned.standardError, recovered.standardError].compactMap { $0 }
            return Value(
                value: recovered.value - pruned.value,
                standardError: errors.count == 2 ? (errors[0] * errors[0] + errors[1] * errors[1]).squareRoot() : nil)
        }
    }

    var texts: [Text] = []
    var tasks: [Task] = []
    /// Texts and tasks of the two runs that are not of the same tokens, items or dense model.
    var others: [String] = []

    init(pruned: PublishedRun, recovered: PublishedRun) {
        for text in recovered.texts {
            guard let other = pruned.texts.first(where: { $0.name == text.name }) else {
                others.append(text.name)
                continue
            }
            guard other.identity == text.identity, other.tokens == text.tokens,
                RecoveryGain.areNear(text.densePerplexity, other.densePerplexity)
            else {
                others.append(text.name)
                continue
            }
            texts.append(
                Text(pruned: other, recovered: text, dense: text.densePerplexity ?? other.densePerplexity))
        }
        let dense = recovered.denseTasks.isEmpty ? pruned.denseTasks : recovered.denseTasks
        func value(_ task: PublishedRun.Task) -> Task.Value {
            Task.Value(value: task.value, standardError: task.standardError)
        }
        for task in recovered.tasks {
            guard
                let other = pruned.tasks.first(where: {
                    $0.name == task.name && $0.metric == task.metric && $0.items == task.items
                })
            else {
                others.append(task.name)
                continue
            }
            tasks.append(
                Task(
                    name: task.name, metric: task.metric,
                    dense: dense.first { $0.name == task.name && $0.metric == task.metric }.map(value),
                    pruned: value(other), recovered: value(task)))
        }
        let names = recovered.texts.map(\.name) + recovered.tasks.map(\.name)
        others += (pruned.texts.map(\.name) + pruned.tasks.map(\.name)).filter { !names.contains($0) }
    }

    /// The mean over all tasks of which there is more than one; without those that are part of a group.
    func mean(without parts: Set<String>) -> Task? {
        let counted = tasks.filter { !parts.contains($0.name) }
        guard counted.count > 1 else { return nil }
        func mean(_ values: [Task.Value?]) -> Task.Value? {
            let known = values.compactMap { $0 }
            guard known.count == values.count else { return nil }
            let errors = known.compactMap(\.standardError)
            let count = Double(known.count)
            return Task.Value(
                value: known.reduce(0) { $0 + $1.value } / count,
                standardError: errors.count == known.count
                    ? errors.reduce(0) { $0 + $1 * $1 }.squareRoot() / count : nil)
        }
        guard let pruned = mean(counted.map(\.pruned)), let recovered = mean(counted.map(\.recovered)) else {
            return nil
        }
        return Task(
            name: "mean of \(counted.count)", metric: Set(counted.map(\.metric)).sorted().joined(separator: ", "),
            dense: mean(counted.map(\.dense)), pruned: pruned, recovered: recovered)
    }

    /// Two perplexities of one dense model; what only one of the two knows is taken at its word.
    private static func areNear(_ a: Double?, _ b: Double?) -> Bool {
        guard let a, let b else { return true }
        return abs(a - b) <= 0.01 * abs(b)
    }
}
