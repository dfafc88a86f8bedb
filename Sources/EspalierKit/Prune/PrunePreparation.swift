import Faults
import Recipes
import Runs

/// From settings to a run that could begin: opens the model, reads the calibration text, starts the engine.
public struct PrunePreparation {
    /// Of a `PruneRun`, or of a plan.
    public let context: PruneContext

    /// - Parameters:
    ///   - settings: of the run.
    ///   - needsWeights: whether a folder without weights is refused; what looks at the configuration alone can do
    ///     without.
    ///   - reporter: told how the work goes.
    /// - Throws: `Fault` for a model, a text or settings that cannot be used.
    public init(
        _ settings: PruneSettings, needsWeights: Bool = true, reporter: any Reporter
    ) throws(Fault) {
        let engine = try EngineSettings(threads: settings.threads, device: settings.device, dtype: settings.dtype)
        engine.warnings.forEach(reporter.warning)
        let model = try OpenedModel(settings.model, device: engine.device, needsWeights: needsWeights)
        model.warnings.forEach(reporter.warning)
        // What would stop the run at its end is found before its first step.
        let set = try CalibrationReading(settings)?.read(model, engine, reporter)
        context = try PruneContext(settings, decoder: model.decoder, compute: engine.dtype, calibration: set)
        context.warnings.forEach(reporter.warning)
    }
}
