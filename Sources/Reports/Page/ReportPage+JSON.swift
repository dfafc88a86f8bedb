import JSONText

extension ReportPage {
    /// The page's data, as `report --json` prints it: what the page says, and nothing that it does not.
    public var json: JSONValue {
        .object([
            "date": .double(madeAt),
            "limits": .object([
                "go_perplexity_ratio": .double(limits.goRatio), "trial_perplexity_ratio": .double(limits.canaryRatio),
                "go_top1_agreement": .double(limits.goAgreement),
            ]), "runs": .array(runs.map(document)), "groups": .array(groups.map(document)),
        ])
    }

    private func number(_ value: Double?) -> JSONValue { value.map { .double($0) } ?? .null }
    private func number(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
    private func string(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    private func document(_ run: PublishedRun) -> JSONValue {
        let verdict = verdict(run)
        let stage: String? = if case .gate(let stage) = verdict.origin { stage } else { nil }
        return .object([
            "name": .string(run.name), "folder": .string(run.folder), "source": string(run.source),
            "method": .string(run.method), "pattern": .string(run.pattern), "seed": number(run.seed),
            "calibration": .array(run.sources.map(JSONValue.string)),
            "sparsity": .object(["asked": .double(run.asked), "achieved": .double(run.achieved)]),
            "removes": .string(run.removesUnits ? "units" : "zeros"),
            "parameters": .object([
                "before": .integer(run.parametersBefore), "not_zero": .integer(run.parametersAfter),
            ]), "bytes": number(run.bytes), "dense_bytes": number(run.denseBytes), "size_ratio": number(run.sizeRatio),
            "written": number(run.writtenAt), "evaluated": number(run.evaluatedAt),
            "verdict": .object([
                "decision": .string(verdict.decision.rawValue), "reason": .string(verdict.reason),
                "by": .string(stage == nil ? "limits" : "gate"), "stage": string(stage),
            ]), "texts": .array(run.texts.map(document)),
            "tasks": .array(run.tasks.map { document($0, run) }), "speed": .array(run.speeds.map(document)),
            "recovery": run.recovery.map { document($0, run) } ?? .null,
            "exports": .array(run.exports.map { document($0, run) }),
            "savings": .string(Savings.obstacle(verdict.decision, run.speed)?.rawValue ?? "computable"),
            "environment": run.environment.map(JSONValue.object) ?? .null,
            "speed_environment": run.speedEnvironment.map(JSONValue.object) ?? .null,
        ])
    }

    private func document(_ recovery: PublishedRecovery, _ run: PublishedRun) -> JSONValue {
        let (losses, cost) = (recovery.losses, recovery.cost)
        let pruned = origin(of: run)
        let gain = pruned.map { RecoveryGain(pruned: $0, recovered: run) }
        return .object([
            "loss": .string(losses.loss), "trained": .string(losses.trained), "steps": .integer(losses.steps),
            "tokens": .integer(losses.tokens), "best_step": .integer(losses.bestStep),
            "held_out_before": number(losses.before), "held_out_after": number(losses.after),
            "pruned": string(pruned?.name),
            "texts": .array(
                (gain?.texts ?? []).map { text in
                    .object([
                        "name": .string(text.recovered.name), "dense_perplexity": number(text.dense),
                        "pruned_perplexity": number(text.pruned.perplexity),
                        "perplexity": number(text.recovered.perplexity), "gap_closed": number(text.gapClosed),
                        "pruned_kl": number(text.pruned.kl), "kl": number(text.recovered.kl),
                    ])
                }),
            "tasks": .array(
                (gain?.tasks ?? []).map { task in
                    .object([
                        "name": .string(task.name), "metric": .string(task.metric), "dense": number(task.dense?.value),
                        "pruned": .double(task.pruned.value), "value": .double(task.recovered.value),
                        "change": .double(task.change.value), "change_stderr": number(task.change.standardError),
                    ])
                }),
            "training_seconds": number(cost?.trainingSeconds), "seconds": number(cost?.seconds),
            "peak_memory_bytes": number(cost?.peakMemoryBytes),
            "peak_device_memory_bytes": number(cost?.peakDeviceMemoryBytes),
        ])
    }

    private func document(_ text: PublishedRun.Text) -> JSONValue {
        .object([
            "name": .string(text.name), "tokens": number(text.tokens), "perplexity": number(text.perplexity),
            "dense_perplexity": number(text.densePerplexity), "perplexity_ratio": number(text.ratio),
            "top1_agreement": number(text.topAgreement), "kl": number(text.kl),
        ])
    }

    private func document(_ file: ExportedFile, _ run: PublishedRun) -> JSONValue {
        .object([
            "file": .string(file.name), "type": .string(file.type), "bytes": .integer(file.bytes),
            "sha256": .string(file.sha256), "relative_error": number(file.relativeError),
            "texts": .array(
                file.texts.map { text in
                    .object([
                        "name": .string(text.name), "tokens": number(text.tokens),
                        "perplexity": number(text.perplexity), "folder_perplexity": number(text.densePerplexity),
                        "perplexity_ratio": number(text.ratio), "top1_agreement": number(text.topAgreement),
                        "kl": number(text.kl), "dense_perplexity": number(run.densePerplexity(of: text)),
                    ])
                }),
        ])
    }

    private func document(_ task: PublishedRun.Task, _ run: PublishedRun) -> JSONValue {
        let dense = run.denseTasks.first { $0.name == task.name && $0.metric == task.metric }
        return .object([
            "name": .string(task.name), "metric": .string(task.metric), "value": .double(task.value),
            "stderr": number(task.standardError), "dense": number(dense?.value),
            "dense_stderr": number(dense?.standardError),
        ])
    }

    private func document(_ speed: PublishedRun.Speed) -> JSONValue {
        func ratio(_ ratio: SpeedRatio) -> JSONValue {
            .object([
                "ratio": .double(ratio.value), "least": number(ratio.range?.lowerBound),
                "most": number(ratio.range?.upperBound), "standing": .string(ratio.standing.rawValue),
            ])
        }
        return .object([
            "prompt": .integer(speed.prompt), "batch": .integer(speed.batch), "engine": .string("espalier"),
            "decode_tokens_per_second": ratio(speed.decode), "time_to_first_token": ratio(speed.firstToken),
            "dense_decode_tokens_per_second": number(speed.denseTokensPerSecond),
        ])
    }

    private func document(_ group: RunGroup) -> JSONValue {
        .object([
            "setting": .string(group.setting), "calibration": .string(group.sources),
            "runs": .array(group.members.map { .string($0.name) }),
            "seeds": .array(group.members.map { .string($0.seed) }), "repeats": .bool(group.hasRepeats),
            "perplexity_mean": number(group.mean), "perplexity_deviation": number(group.deviation),
        ])
    }
}
