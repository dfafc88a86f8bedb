import Calibration
import Evaluation
import Faults
import Tasks

/// Scores a model on tasks.
struct TaskRun {
    let settings: TaskSettings
    private let tasks: [LoadedTask]
    private let groups: [TaskGroup]

    /// Reads the data of all tasks, so that a bad file is told before the first is scored.
    ///
    /// - Throws: `usage` for names that are unknown or given twice, and what reading the data throws.
    init(_ settings: TaskSettings, _ reporter: any Reporter) throws(Fault) {
        self.settings = settings
        let named = try TaskCatalogue.resolve(settings.names)
        groups = named.groups
        var definitions = named.tasks
        for file in settings.files {
            let task = try TaskFile.read(file)
            guard !definitions.contains(where: { $0.name == task.name }) else {
                throw Fault(
                    .usage, "two tasks have the same name", file: file, found: task.name,
                    expected: "a name of its own")
            }
            definitions.append(task)
        }
        var tasks: [LoadedTask] = []
        var missing: [Fault] = []
        for definition in definitions {
            do throws(Fault) {
                let task = try LoadedTask(
                    definition, folders: settings.folders, limit: settings.limit, shots: settings.shots)
                task.warnings.forEach(reporter.warning)
                tasks.append(task)
            } catch {
                guard error.kind == .missingInput else { throw error }
                missing.append(error)
            }
        }
        if var first = missing.first {
            if missing.count > 1 { first.summary += ", nor for \(missing.count - 1) others" }
            throw first
        }
        self.tasks = tasks
    }

    /// What the tasks ask, without examples, for those who compare texts.
    var texts: [(name: String, runs: NGramSet)] {
        tasks.map { task in
            var runs = NGramSet(.words)
            for index in task.items.indices {
                if case .text(let text, _, _) = task.items[index] { runs.add(text) }
                for request in task.items[index].requests() { runs.add(request.context + request.continuation) }
            }
            return (task.name, runs)
        }
    }

    /// - Throws: what the tokenizer and reading weights throw; `badData` for items that cannot be scored.
    func measure(_ opened: OpenedModel, engine: EngineSettings, _ reporter: any Reporter) throws(Fault)
        -> TaskReport
    {
        let tokenizer = try opened.tokenizer()
        var encoder = RequestEncoder(
            tokenizer, prefix: try SpecialTokens.ofNothing(opened.checkpoint, tokenizer: tokenizer),
            contextLength: opened.configuration.contextLength,
            needsBeginning: opened.configuration.family.needsBeginning)
        var report = TaskReport(settings: settings, groups: groups)
        // The items of all tasks go through the model together: its weights are read once for as many as fit.
        var requests: [[[TokenRequest]]] = []
        var units: [[TokenRequest]] = []
        for task in tasks {
            reporter.detail("\(task.name): \(task.path)")
            let own = try task.requests(&encoder)
            for (item, windows) in zip(task.items, own) {
                // The windows of a running text have nothing in common.
                if case .text = item { units += windows.map { [$0] } } else { units.append(windows) }
            }
            requests.append(own)
        }
        let total = Double(tasks.reduce(0) { $0 + $1.items.count })
        let name = tasks.count == 1 ? tasks[0].name : "\(tasks.count) tasks"
        reporter.begin("scoring \(name)", total: total, unit: "items")
        var answers = try LikelihoodEvaluation(opened.decoder, dtype: engine.dtype)
            .measure(units) { reporter.update($0 * total) }[...]
        reporter.finish()
        for (task, requests) in zip(tasks, requests) {
            let byItem = zip(task.items, requests).map { item, windows in
                let isText = if case .text = item { true } else { false }
                let own = answers.prefix(isText ? windows.count : 1)
                answers = answers.dropFirst(own.count)
                return own.flatMap { $0 }
            }
            let scores = TaskScores(task, byItem)
            if scores.notNumbers > 0 {
                reporter.warning(
                    "\(task.name): the predictions are not numbers for \(scores.notNumbers) items, so there are no "
                        + "figures (null in JSON); look for non-finite weights with `espalier inspect`, or use "
                        + "--dtype float32")
            }
            report.tasks.append((task, scores))
        }
        return report
    }
}
