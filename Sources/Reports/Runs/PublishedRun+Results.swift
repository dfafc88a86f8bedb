import JSONText

/// What was measured on the pruned model, of the files that other verbs wrote.
extension PublishedRun {
    /// The texts of a document of `evaluate`.
    static func texts(_ results: JSONObject) -> [Text] {
        let divergence = results["divergence"]?.objectValue
        let perplexity = results["perplexity"]?.objectValue
        return (perplexity?.keys ?? []).map { name in
            let text = perplexity?[name]?.objectValue
            let found = divergence?[name]?.objectValue
            return Text(
                name: name, perplexity: text?["value"]?.doubleValue,
                densePerplexity: found?["against_perplexity"]?.doubleValue, tokens: text?["tokens"]?.integerValue,
                context: text?["context"]?.integerValue, digest: text?["tokens_sha256"]?.stringValue,
                kl: found?["kl"]?.doubleValue, topAgreement: found?["top1_agreement"]?.doubleValue)
        }
    }

    mutating func read(results: JSONObject) {
        texts = PublishedRun.texts(results)
        // A log of prompts tells all of this in one place.
        texts += (results["prompts"]?.objectValue?.members ?? []).map { name, value in
            let found = value.objectValue
            return Text(
                name: name, perplexity: found?["perplexity"]?.doubleValue,
                densePerplexity: found?["against_perplexity"]?.doubleValue, tokens: found?["tokens"]?.integerValue,
                digest: found?["tokens_sha256"]?.stringValue, kl: found?["kl"]?.doubleValue,
                topAgreement: found?["top1_agreement"]?.doubleValue)
        }
        tasks = PublishedRun.tasks(results["results"])
        for index in tasks.indices {
            let count = results["n-samples"]?.objectValue?[tasks[index].name]?.objectValue
            tasks[index].items = count?["effective"]?.integerValue
        }
        denseTasks = PublishedRun.tasks(results["against_results"])
        tasksInGroups = Set(
            (results["group_subtasks"]?.objectValue?.members ?? []).flatMap { _, value in
                (value.arrayValue ?? []).compactMap(\.stringValue)
            })
        samples = (results["samples"]?.arrayValue ?? []).compactMap { sample in
            guard let object = sample.objectValue, let prompt = object["prompt"]?.stringValue,
                let dense = object["dense"]?.stringValue, let pruned = object["pruned"]?.stringValue
            else { return nil }
            return Sample(prompt: prompt, dense: dense, pruned: pruned, kl: object["kl"]?.doubleValue)
        }
        environment = results["environment"]?.objectValue
        evaluatedAt = results["date"]?.doubleValue
        source = source ?? results["against"]?.stringValue
    }

    mutating func read(benchmark: JSONObject) {
        let against = benchmark["against"]?.objectValue
        let (own, dense) = (benchmark["runs"]?.arrayValue ?? [], against?["runs"]?.arrayValue ?? [])
        let server = benchmark["endpoint"]?.objectValue.map { endpoint in
            endpoint["server"]?.stringValue ?? endpoint["url"]?.stringValue ?? "unknown"
        }
        let hasNoise = (benchmark["repeats"]?.integerValue ?? 0) >= SpeedRatio.fewestRepeats
        speeds = (benchmark["ratios"]?.arrayValue ?? []).compactMap { entry in
            guard let object = entry.objectValue, let prompt = object["prompt"]?.integerValue,
                let batch = object["batch"]?.integerValue,
                let decode = object["decode_tokens_per_second"]?.doubleValue,
                let first = object["time_to_first_token"]?.doubleValue
            else { return nil }
            func run(_ list: [JSONValue]) -> JSONObject? {
                list.lazy.compactMap(\.objectValue)
                    .first { $0["prompt"]?.integerValue == prompt && $0["batch"]?.integerValue == batch }
            }
            let (ownRun, denseRun) = (run(own), run(dense))
            func repeats(_ run: JSONObject?, _ quantity: String) -> SpeedRatio.Repeats? {
                guard hasNoise, let spread = run?[quantity]?.objectValue, let least = spread["least"]?.doubleValue,
                    let most = spread["most"]?.doubleValue
                else { return nil }
                return .init(least: least, most: most)
            }
            func ratio(_ value: Double, _ quantity: String, isRate: Bool) -> SpeedRatio {
                SpeedRatio(
                    value, pruned: repeats(ownRun, quantity), dense: repeats(denseRun, quantity), isRate: isRate)
            }
            return Speed(
                server: server, prompt: prompt, batch: batch,
                denseTokensPerSecond: denseRun?["decode_tokens_per_second"]?.objectValue?["median"]?.doubleValue,
                decode: ratio(decode, "decode_tokens_per_second", isRate: true),
                firstToken: ratio(first, "time_to_first_token", isRate: false))
        }
        sizeRatio = benchmark["size_ratio"]?.doubleValue
        bytes = benchmark["bytes"]?.integerValue ?? bytes
        denseBytes = against?["bytes"]?.integerValue
        source = source ?? against?["model"]?.stringValue
        speedEnvironment = benchmark["environment"]?.objectValue
    }

    private static func tasks(_ value: JSONValue?) -> [Task] {
        let tasks = value?.objectValue
        return (tasks?.keys ?? []).compactMap { name in
            let object = tasks?[name]?.objectValue
            for metric in ["acc_norm", "acc"] {
                guard let value = object?["\(metric),none"]?.doubleValue else { continue }
                return Task(
                    name: name, metric: metric, value: value,
                    standardError: object?["\(metric)_stderr,none"]?.doubleValue)
            }
            return nil
        }
    }
}
