import Faults

/// How the predictions of an exported file are compared with those of the model that it was made from.
public struct ExportEvaluation: Equatable, Sendable {
    /// As for `EvaluationRun`.
    public var texts: [String]
    public var context: Int?
    public var windows: Int?

    public init(texts: [String], context: Int? = nil, windows: Int? = nil) {
        (self.texts, self.context, self.windows) = (texts, context, windows)
    }

    private var files: [EvaluationRun.File] { texts.map { .text($0) } }

    /// Reads the texts before anything is written, and warns of those that the model was calibrated on.
    ///
    /// - Throws: `Fault` for texts that cannot be used with this model.
    func check(_ opened: OpenedModel, model: String, _ reporter: any Reporter) throws(Fault) {
        let given = EvaluationInputs(
            files: files, context: context, isBeyondContext: false, bos: nil, windows: windows, textField: nil)
        // What is to be said of the texts is said when they are scored.
        let inputs = try given.read(opened, limit: opened.configuration.contextLength, SilentReporter())
        _ = try CalibrationOverlap(folder: model).found(opened, given.rows(inputs, beside: []), nil, reporter)
    }

    /// Scores the file and the model on the same tokens.
    ///
    /// - Throws: as `EvaluationRun.measure`.
    func measure(
        _ file: String, against model: String, engine: EngineSettings, _ reporter: any Reporter
    ) throws(Fault) -> EvaluationReport {
        try EvaluationRun(
            model: file, against: model, files: files, context: context, windows: windows, engine: engine
        ).measure(reporter)
    }
}
