import Faults
import JSONText
import Tasks

/// What a model scored on tasks, with lm-evaluation-harness' keys.
public struct TaskReport {
    /// What was asked for.
    public var settings: TaskSettings
    /// Groups of tasks that were asked for.
    public var groups: [TaskGroup]
    /// What was scored, in the order asked for.
    public var tasks: [(task: LoadedTask, scores: TaskScores)] = []
    /// What the dense model scored on the same items, by task; empty without one.
    public var dense: [String: TaskScores] = [:]

    init(settings: TaskSettings, groups: [TaskGroup]) {
        self.settings = settings
        self.groups = groups
    }

    /// What was scored, by task.
    package var scoresByName: [String: TaskScores] {
        Dictionary(tasks.map { ($0.task.name, $0.scores) }) { first, _ in first }
    }

    /// The members of the JSON document that tell of tasks.
    ///
    /// - Parameters:
    ///   - model: its path.
    ///   - environment: of the run.
    func members(model: String, environment: JSONValue) -> [(key: String, value: JSONValue)] {
        var results = JSONObject()
        var counts = JSONObject()
        var versions = JSONObject()
        var shots = JSONObject()
        var directions = JSONObject()
        var configurations = JSONObject()
        var ties = JSONObject()
        for (task, scores) in tasks {
            results[task.name] = .object(figures(task.name, scores.values))
            counts[task.name] = .object([
                "original": .integer(task.originalCount), "effective": .integer(task.items.count),
            ])
            versions[task.name] = .double(task.definition.version)
            shots[task.name] = .integer(task.shots)
            var better = JSONObject()
            for metric in task.definition.metrics { better[metric.rawValue] = .bool(metric.higherIsBetter) }
            directions[task.name] = .object(better)
            var configuration = JSONObject()
            configuration["task"] = .string(task.name)
            configuration["data"] = .string(task.path)
            if let examples = task.examplePath { configuration["fewshot_data"] = .string(examples) }
            configurations[task.name] = .object(configuration)
            if !scores.ties.isEmpty {
                ties[task.name] = .array(
                    scores.ties.map { tie in
                        .object([
                            "doc_id": .integer(tie.item), "metric": .string(tie.metric.rawValue),
                            "choices": .array(tie.choices.map(JSONValue.integer)),
                            "difference": .double(tie.difference),
                        ])
                    })
            }
        }
        var groupResults = JSONObject()
        var subtasks = JSONObject()
        let scores = scoresByName
        for group in groups {
            guard let value = group.accuracy(scores) else { continue }
            groupResults[group.name] = .object(figures(group.name, [value]))
            results[group.name] = groupResults[group.name]
            // lm-evaluation-harness writes the version of a group as a text.
            versions[group.name] = .string(Amount.fixed(group.version, 0))
            subtasks[group.name] = .array(group.members.map { .string($0) })
        }
        var members: [(key: String, value: JSONValue)] = [("results", .object(results))]
        if !groupResults.isEmpty {
            members += [("groups", .object(groupResults)), ("group_subtasks", .object(subtasks))]
        }
        if !dense.isEmpty { members.append(("against_results", .object(denseResults))) }
        return members + [
            ("configs", .object(configurations)), ("versions", .object(versions)), ("n-shot", .object(shots)),
            ("higher_is_better", .object(directions)), ("n-samples", .object(counts)),
            ("config", configuration(model: model, environment: environment)), ("ties", .object(ties)),
        ]
    }

    /// How all tasks were run, with the harness' keys.
    private func configuration(model: String, environment: JSONValue) -> JSONValue {
        let settings = environment.objectValue
        return .object([
            "model": .string("espalier"), "model_args": .object(["pretrained": .string(model)]),
            "dtype": settings?["dtype"] ?? .null, "device": settings?["device"] ?? .null,
            "limit": self.settings.limit.map { .integer($0) } ?? .null,
            "bootstrap_iters": .integer(TaskScores.bootstrapDraws),
            "fewshot_seed": .integer(LoadedTask.exampleSeed),
        ])
    }

    private var denseResults: JSONObject {
        var results = JSONObject()
        for (task, _) in tasks {
            if let scores = dense[task.name] { results[task.name] = .object(figures(task.name, scores.values)) }
        }
        for group in groups {
            if let value = group.accuracy(dense) { results[group.name] = .object(figures(group.name, [value])) }
        }
        return results
    }

    private func figures(_ name: String, _ values: [TaskValue]) -> JSONObject {
        var figures = JSONObject()
        figures["alias"] = .string(name)
        for found in values {
            figures["\(found.metric.rawValue),none"] = .double(found.value)
            figures["\(found.metric.rawValue)_stderr,none"] = found.standardError.map { .double($0) } ?? .string("N/A")
        }
        return figures
    }

    /// One JSON object for each item: its requests and what the model said to them.
    public var samples: String {
        var text = ""
        for (task, scores) in tasks {
            for (index, score) in scores.items.enumerated() {
                var line = JSONObject()
                line["task"] = .string(task.name)
                line["doc_id"] = .integer(index)
                line["place"] = .string(task.places[index])
                let requests = task.textRequests(index)
                if let prompt = requests.first?.context { line["prompt_hash"] = .string(textDigest(prompt)) }
                if let target = task.items[index].target { line["target_hash"] = .string(textDigest(target)) }
                line["arguments"] = .array(
                    requests.map { .array([.string($0.context), .string($0.continuation)]) })
                line["resps"] = .array(
                    score.likelihoods.map { .array([.double($0.logProbability), .bool($0.isGreedy)]) })
                if requests.count > 1 {
                    line["target"] = .integer(score.gold)
                    line["predicted"] = .integer(score.predicted)
                    line["predicted_norm"] = .integer(score.predictedNormalized)
                }
                text += JSONValue.object(line).text(pretty: false) + "\n"
            }
        }
        return text
    }
}
