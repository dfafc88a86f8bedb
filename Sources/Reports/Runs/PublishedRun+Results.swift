import JSONText

/// What was measured on the pruned model, of the files that other verbs wrote.
extension PublishedRun {
    mutating func read(results: JSONObject) {
        let divergence = results["divergence"]?.objectValue
        let perplexity = results["perplexity"]?.objectValue
        texts = (perplexity?.keys ?? []).map { name in
            let found = divergence?[name]?.objectValue
            return Text(
                name: name, perplexity: perplexity?[name]?.objectValue?["value"]?.doubleValue,
                densePerplexity: found?["against_perplexity"]?.doubleValue, kl: found?["kl"]?.doubleValue,
                topAgreement: found?["top1_agreement"]?.doubleValue)
        }
        // A log of prompts tells all of this in one place.
        texts += (results["prompts"]?.objectValue?.members ?? []).map { name, value in
            let found = value.objectValue
            return Text(
                name: name, perplexity: found?["perplexity"]?.doubleValue,
                densePerplexity: found?["against_perplexity"]?.doubleValue, kl: found?["kl"]?.doubleValue,
                topAgreement: found?["top1_agreement"]?.doubleValue)
        }
        tasks = PublishedRun.tasks(results["results"])
        denseTasks = PublishedRun.tasks(results["against_results"])
        samples = (results["samples"]?.arrayValue ?? []).compactMap { sample in
            guard let object = sample.objectValue, let prompt = object["prompt"]?.stringValue,
                let dense = object["dense"]?.stringValue, let pruned = object["pruned"]?.stringValue
            else { return nil }
            return Sample(prompt: prompt, dense: dense, pruned: pruned, kl: object["kl"]?.doubleValue)
        }
        environment = results["environment"]?.objectValue
    }

    mutating func read(benchmark: JSONObject) {
        let dense = benchmark["against"]?.objectValue?["runs"]?.arrayValue ?? []
        speeds = (benchmark["ratios"]?.arrayValue ?? []).enumerated().compactMap { index, ratio in
            guard let object = ratio.objectValue, let prompt = object["prompt"]?.integerValue,
                let batch = object["batch"]?.integerValue,
                let decode = object["decode_tokens_per_second"]?.doubleValue,
                let first = object["time_to_first_token"]?.doubleValue
            else { return nil }
            let run = index < dense.count ? dense[index].objectValue : nil
            return Speed(
                prompt: prompt, batch: batch,
                denseTokensPerSecond: run?["decode_tokens_per_second"]?.objectValue?["median"]?.doubleValue,
                decode: decode, firstToken: first)
        }
        sizeRatio = benchmark["size_ratio"]?.doubleValue
        environment = environment ?? benchmark["environment"]?.objectValue
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
