import EspalierKit
import Faults
import Planning
import Recipes
import Runs

/// A plan for people.
enum PlanText {
    static func text(_ plan: Plan) -> String {
        let settings = plan.subject.settings
        var facts = TextTable(leftColumns: 2)
        facts.add("model", Fault.harmless(settings.model))
        facts.add(
            "method",
            settings.method.name + (settings.preset == .paper ? " (preset paper)" : "")
                + ", pattern \(settings.pattern.text), sparsity \(Amount.percent(settings.sparsity.fraction))")
        let checkpoint = plan.subject.decoder.checkpoint
        if !checkpoint.hasWeights {
            facts.add("weights", "\(Amount.count(checkpoint.parameterCount)) parameters by config.json, no weights")
        }
        if plan.subject.samples > 0 {
            facts.add(
                "calibration",
                "\(Amount.count(plan.subject.samples)) × \(Amount.count(plan.subject.tokens)) tokens"
                    + (plan.subject.isCalibrated ? "" : " (assumed)"))
        }
        facts.add(
            "output", "\(Amount.bytes(plan.outputBytes)) (weight files: \(Amount.count(plan.weightBytes)) bytes)")
        facts.add("disk during the run", Amount.bytes(plan.stagingBytes))
        if plan.offloadBytes > 0 { facts.add("offload folder", Amount.bytes(plan.offloadBytes)) }
        facts.add(
            "memory limit", MemoryText.limit(plan.memoryLimitBytes, settings, ofGPU: plan.peakDeviceMemory != nil))
        facts.add("peak memory", "\(Amount.bytes(plan.peakMemoryBytes)), \(plan.peakPhase)")
        if let peak = plan.peakDeviceMemory {
            facts.add("peak GPU memory", "\(Amount.bytes(peak.bytes)), \(peak.phase); plus the driver's own")
        }
        if plan.generationBytes > 0 {
            facts.add("read per generation", "about \(Amount.bytes(plan.generationBytes))")
        }
        facts.add("time", "about \(Amount.duration(plan.seconds))")
        for part in plan.timeParts where part.seconds >= 0.02 * plan.seconds {
            facts.add("  " + part.name, Amount.duration(part.seconds))
        }

        if plan.operations > 0 {
            facts.add("matrix products", "\(Amount.fixed(plan.operations / 1e12, 1)) TFLOP")
        }

        var table = TextTable()
        table.add("linear", "count", "weights", "removed", "share")
        for linear in plan.linears {
            table.add(
                linear.name.rawValue, Amount.count(linear.count), Amount.count(linear.weights),
                Amount.count(linear.removed), share(linear.removed, linear.weights))
        }
        let weights = plan.linears.reduce(0) { $0 + $1.weights }
        let removed = plan.linears.reduce(0) { $0 + $1.removed }
        table.add(
            "all", Amount.count(plan.linears.reduce(0) { $0 + $1.count }), Amount.count(weights),
            Amount.count(removed), share(removed, weights))

        var text = facts.text + "\n" + table.text
        if let serving = plan.serving { text += "\n" + servers(serving, settings.structure?.engines) }
        text += "\nassumptions\n"
        for assumption in plan.assumptions { text += "  \(assumption)\n" }
        return text
    }

    /// Of a run in stages: a pruning, the training after it, and all of both.
    static func text(_ plan: StagedPlan) -> String {
        let stages = plan.stages.stages.map {
            $0.pattern.zeros.map { $0.text + " " } ?? ""
        }
        let steps = zip(stages, plan.stages.stages).map { $0 + Amount.percent($1.fraction) }.joined(separator: ", ")
        var table = TextTable()
        table.add("stages", "\(Amount.count(plan.stages.stages.count)): \(steps)")
        if let recovery = plan.recovery {
            table.add(
                "training after each",
                "\(Amount.count(recovery.steps, "step")), "
                    + "\(Amount.duration(recovery.secondsPerStep)) a step, "
                    + "\(Amount.bytes(recovery.peakMemoryBytes)) of memory"
            )
        }
        table.add("time of all", "at most about \(Amount.duration(plan.seconds))")
        table.add("peak memory of all", Amount.bytes(plan.peakMemoryBytes))
        table.add("disk of all", Amount.bytes(plan.diskBytes))
        return "one pruning, from the dense model\n" + text(plan.pruning) + "\nin stages\n" + table.text
    }

    /// Where the result opens, and what the layouts of the engines cannot hold.
    private static func servers(_ serving: ServingTable, _ engines: ServingEngines?) -> String {
        var text = "opens in Espalier as it is; in servers:\n"
        for row in serving.rows {
            text += "  \(row.title)\n    \(row.text)\n"
            guard row.isChosen else { continue }
            for entry in row.entries where engines?.engines.contains(entry.engine) ?? true {
                if let obstacle = entry.obstacle {
                    text += "    \(entry.engine.text): does not open it: \(obstacle)\n"
                } else {
                    for limit in entry.limits { text += "    \(entry.engine.text): \(limit)\n" }
                }
            }
        }
        return text
    }

    private static func share(_ removed: Int, _ weights: Int) -> String {
        Amount.percent(Double(removed) / Double(max(1, weights)), 2)
    }
}
