import Calibration
import Faults
import Recipes
import Runs

/// From settings to a recovery that could begin: opens the models, reads the text, starts the engine.
public struct RecoverPreparation {
    public let context: RecoverContext

    /// - Parameters:
    ///   - settings: of the run.
    ///   - reporter: told how the work goes.
    /// - Throws: `Fault` for models, a text or settings that cannot be used.
    public init(_ settings: RecoverSettings, reporter: any Reporter) throws(Fault) {
        let engine = try EngineSettings(threads: settings.threads, device: settings.device, dtype: settings.dtype)
        engine.warnings.forEach(reporter.warning)
        let student = try OpenedModel(settings.model, device: engine.device)
        student.warnings.forEach(reporter.warning)
        let teacher = try settings.teacher.map { (path) throws(Fault) in
            let opened = try OpenedModel(path, device: engine.device)
            opened.warnings.forEach(reporter.warning)
            return opened
        }
        // The text of the source `self` is the teacher's.
        let set = try CalibrationReading(settings).read(teacher ?? student, engine, reporter)
        context = try RecoverContext(
            settings, student: student.decoder, teacher: teacher?.decoder, compute: engine.dtype, calibration: set)
        context.warnings.forEach(reporter.warning)
    }
}
