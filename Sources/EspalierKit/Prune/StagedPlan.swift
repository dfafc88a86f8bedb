import Faults
import JSONText
import Planning
import Recipes
import Runs

/// What a run in stages would take.
public struct StagedPlan {
    /// Of a pruning from the model that the run begins with to its end; each stage takes about as long.
    public let pruning: Plan
    /// Of the training after a stage, measured on that model; nil where there is no text to measure with.
    public let recovery: RecoverPlan?
    public let stages: PruneStages

    /// - Parameters:
    ///   - settings: with `recoverySteps`; without calibration text, those of `PruneRecipe.planSettings`.
    /// - Throws: what the run itself would refuse before its first block.
    public init(_ settings: PruneSettings, reporter: any Reporter) throws(Fault) {
        pruning = try Plan.making(settings, reporter: reporter)
        stages = settings.stages
        guard !settings.calibration.isEmpty, !settings.calibration.contains(where: OwnText.isOwn) else {
            recovery = nil
            reporter.warning("the training is not in this plan: it is measured with a text, --calibration FILE")
            return
        }
        reporter.note("measuring a step of training")
        let own = try settings.recoverSettings(model: settings.model, output: nil, overwrite: false)
        // The texts were read for the pruning, which has warned of them.
        let context = try RecoverPreparation(own, reporter: SilentReporter()).context
        recovery = try RecoverPlan(context)
    }

    /// Of all stages, in seconds; at most, as models get smaller on the way.
    public var seconds: Double {
        Double(stages.stages.count) * (pruning.seconds + (recovery?.seconds ?? 0))
    }

    public var peakMemoryBytes: Int { max(pruning.peakMemoryBytes, recovery?.peakMemoryBytes ?? 0) }

    /// A stage's states and its output beside the pruned model that it reads and the model before that.
    public var diskBytes: Int { max(pruning.stagingBytes, recovery?.diskBytes ?? 0) + 2 * pruning.outputBytes }

    /// The document that `plan --json` prints: a pruning's with what is added.
    public var json: JSONValue {
        var object = pruning.json.objectValue ?? JSONObject()
        object["stages"] = .array(
            stages.stages.map { stage in
                .object(["pattern": .string(stage.pattern.text), "sparsity": .double(stage.fraction)])
            })
        object["recovery"] = recovery?.json ?? .null
        object["stages_seconds"] = .double(seconds)
        object["stages_peak_memory_bytes"] = .integer(peakMemoryBytes)
        object["stages_disk_bytes"] = .integer(diskBytes)
        return .object(object)
    }
}
