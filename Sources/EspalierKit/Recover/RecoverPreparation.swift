import Calibration
import Faults
import JSONText
import Recipes
import Runs

/// From settings to a recovery that could begin: opens the models, reads the text, starts the engine.
public struct RecoverPreparation {
    public let context: RecoverContext
    /// Where the run computes, for its results.
    public let environment: JSONValue

    /// - Parameters:
    ///   - settings: of the run.
    ///   - reporter: told how the work goes.
    /// - Throws: `Fault` for models, a text or settings that cannot be used.
    public init(_ settings: RecoverSettings, reporter: any Reporter) throws(Fault) {
        let engine = try EngineSettings(threads: settings.threads, device: settings.device, dtype: settings.dtype)
        engine.warnings.forEach(reporter.warning)
        environment = engine.environment
        let student = try OpenedModel(settings.model, device: engine.device)
        student.warnings.forEach(reporter.warning)
        let teacher = try settings.teacher.map { (path) throws(Fault) in
            let opened = try OpenedModel(path, device: engine.device)
            opened.warnings.forEach(reporter.warning)
            return opened
        }
        if let teacher { try RecoverPreparation.checkTokens(student, teacher) }
        // The text of the source `self` is the teacher's.
        let set = try CalibrationReading(settings).read(teacher ?? student, engine, reporter)
        context = try RecoverContext(
            settings, student: student.decoder, teacher: teacher?.decoder, compute: engine.dtype, calibration: set)
        context.warnings.forEach(reporter.warning)
    }

    /// Both models must mean the same by a token; a model without a tokenizer is taken at its vocabulary's size.
    private static func checkTokens(_ student: OpenedModel, _ teacher: OpenedModel) throws(Fault) {
        guard student.hasTokenizer, teacher.hasTokenizer,
            try student.checkpoint.tokenizerDigest() != teacher.checkpoint.tokenizerDigest()
        else { return }
        let (own, other) = (try student.tokenizer(), try teacher.tokenizer())
        let count = min(student.configuration.vocabularySize, teacher.configuration.vocabularySize)
        for id in 0..<Int32(count) {
            let (text, otherText) = (
                own.decode([id], skipSpecialTokens: false), other.decode([id], skipSpecialTokens: false)
            )
            guard text != otherText else { continue }
            throw Fault(
                .badData, "the teacher has another tokenizer", file: teacher.checkpoint.path, place: "token \(id)",
                found: "\"\(LegibleText.of(otherText, limit: 60))\"",
                expected: "\"\(LegibleText.of(text, limit: 60))\", as \(student.checkpoint.path) has it",
                advice: "use the model that this one was made from as --teacher")
        }
    }
}
