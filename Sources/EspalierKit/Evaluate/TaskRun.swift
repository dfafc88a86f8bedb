import Calibration
import Evaluation
import Faults
import Tasks

/// Scores a model on tasks.
struct TaskRun {
    let settings: TaskSettings
    fileprivate let tasks: [LoadedTask]
    fileprivate let groups: [TaskGroup]

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

    var names: [String] { tasks.map(\.name) }

    /// The tasks' items in a model's tokens.
    ///
    /// - Parameter limit: tokens that the model can see.
    /// - Throws: what the tokenizer throws; `badData` for items that cannot be scored.
    func requests(_ opened: OpenedModel, limit: Int, _ reporter: any Reporter) throws(Fault) -> TaskRequests {
        let tokenizer = try opened.tokenizer()
        var encoder = RequestEncoder(
            tokenizer, prefix: try SpecialTokens.ofNothing(opened.checkpoint, tokenizer: tokenizer),
            contextLength: limit, needsBeginning: opened.configuration.family.needsBeginning)
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
        return TaskRequests(run: self, requests: requests, units: units)
    }

    /// The tasks' items for a passage through a model.
    ///
    /// - Parameter place: of the model among the passage's.
    /// - Throws: as `requests`.
    func scoring(
        _ opened: OpenedModel, place: Int, engine: EngineSettings, _ reporter: any Reporter
    ) throws(Fault) -> TaskScoring {
        let requests = try requests(opened, limit: opened.configuration.contextLength, reporter)
        let source = try LikelihoodEvaluation(opened.decoder, dtype: engine.dtype).source(requests.units, place: place)
        return TaskScoring(requests: requests, source: source)
    }
}

/// Tasks on their way through a model.
struct TaskScoring {
    fileprivate let requests: TaskRequests
    let source: LikelihoodSource

    /// What the model scored, when the passage has ended.
    func report(_ reporter: any Reporter) -> TaskReport { requests.report(source.likelihoods, reporter) }
}

/// What tasks ask of a model, in its tokens.
struct TaskRequests {
    fileprivate let run: TaskRun
    /// Of each item of each task, its windows.
    fileprivate let requests: [[[TokenRequest]]]
    /// What is scored together, since it begins with the same tokens.
    let units: [[TokenRequest]]

    /// - Parameter likelihoods: of all units.
    func report(_ likelihoods: [[Likelihood]], _ reporter: any Reporter) -> TaskReport {
        var report = TaskReport(settings: run.settings, groups: run.groups)
        var answers = likelihoods[...]
        for (task, requests) in zip(run.tasks, requests) {
            let byItem = zip(task.items, requests).map { item, windows in
                let isText = if case .text = item { true } else { false }
                let own = answers.prefix(isText ? windows.count : 1)
                answers = answers.dropFirst(own.count)
                return own.flatMap { $0 }
            }
            let scores = TaskScores(task, byItem)
            if scores.notNumbers > 0 {
                reporter.warning(
                    "\(task.name): the predictions are NaN or infinite for \(scores.notNumbers) items, so there are no "
                        + "figures (null in JSON); look for non-finite weights with `espalier inspect`, or use "
                        + "--dtype float32")
            }
            report.tasks.append((task, scores))
        }
        return report
    }
}
