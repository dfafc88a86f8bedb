import Faults
import Planning
import Pruning
import Publishing
import Recipes

extension Plan {
    /// Opens the model, reads the calibration text where there is one, and measures.
    ///
    /// - Parameters:
    ///   - settings: of the run; without calibration text, those of `PruneRecipe.planSettings`.
    ///   - reporter: told how the work goes.
    /// - Throws: what the run itself would refuse before its first block.
    public static func making(_ settings: PruneSettings, reporter: any Reporter) throws(Fault) -> Plan {
        try settings.checkOffload()
        let subject: PlanSubject
        // The model's own writing takes long and its measurements are known beforehand.
        if settings.calibration.isEmpty || settings.calibration.contains(where: OwnText.isOwn) {
            let engine = try EngineSettings(threads: settings.threads, device: settings.device, dtype: settings.dtype)
            engine.warnings.forEach(reporter.warning)
            let model = try OpenedModel(settings.model, device: engine.device, needsWeights: false)
            model.warnings.forEach(reporter.warning)
            subject = try PlanSubject(settings, decoder: model.decoder, compute: engine.dtype)
            subject.warnings.forEach(reporter.warning)
            if !settings.evaluation.isEmpty {
                reporter.note(
                    "overlap with evaluation texts is known only after the model has written the calibration text")
            }
        } else {
            subject = PlanSubject(try PrunePreparation(settings, needsWeights: false, reporter: reporter).context)
        }
        reporter.note("measuring the machine on one block")
        let plan = try Plan(subject)
        if let output = settings.output {
            try OutputPlace(output, overwrite: settings.overwrite)
                .check(inputs: [settings.model], bytes: plan.stagingBytes)
        }
        return plan
    }
}

extension PruneRecipe {
    /// Settings for a plan, which needs no calibration text.
    ///
    /// - Throws: as `resolved`.
    public func planSettings() throws(Fault) -> PruneSettings {
        var recipe = self
        // A name that no method has is refused below, with its place.
        let method = try? MethodRegistry.standard.declared.method(recipe.method)
        let isNeeded = method?.needsCalibration ?? true || (recipe.allocation ?? .uniform) != .uniform
        let isMissing = isNeeded && recipe.calibration?.isEmpty ?? true
        if isMissing {
            // What belongs to calibration text has nothing to say without any.
            for (flag, isGiven) in [
                ("--text-field", recipe.textField != nil), ("--evaluation", recipe.evaluation != nil),
            ]
            where isGiven {
                throw Fault(
                    .usage, "there is no calibration text", place: flag,
                    advice: "give --calibration FILE, or leave it out")
            }
            recipe.calibration = ["self"]
        }
        var settings = try recipe.resolved()
        if isMissing { settings.calibration = [] }
        return settings
    }
}
