import Calibration
import Evaluation
import Faults
import Foundation

/// What `evaluate` does, apart from its command line.
public struct EvaluationRun {
    /// What perplexity is measured on.
    public enum File: Equatable, Sendable {
        case text(String)
        case tokens(String)

        var path: String {
            switch self {
            case .text(let path), .tokens(let path): path
            }
        }
    }

    /// Path of the model that is measured.
    public var model: String
    /// Path of the model that it was made from, to compare with.
    public var against: String?
    /// Texts and token files.
    public var files: [File]
    /// Tokens of a text's window; nil is the models' context, at most 2048.
    public var context: Int?
    /// Whether windows may be longer than the models' context.
    public var isBeyondContext: Bool
    /// Whether each window of a text begins with BOS; nil is as the model's family needs it.
    public var bos: Bool?
    /// Windows of a file at most.
    public var windows: Int?
    /// Logs to compare the two models on.
    public var prompts: PromptSettings
    /// Zero-shot tasks.
    public var tasks: TaskSettings
    /// The only key of records that is read; nil reads the usual forms.
    public var textField: String?
    /// Made ready before.
    public var engine: EngineSettings

    public init(
        model: String, against: String? = nil, files: [File], context: Int? = nil, isBeyondContext: Bool = false,
        bos: Bool? = nil, windows: Int? = nil,
        prompts: PromptSettings = PromptSettings(), tasks: TaskSettings = TaskSettings(),
        textField: String? = nil, engine: EngineSettings
    ) {
        self.model = model
        self.against = against
        self.files = files
        self.context = context
        self.isBeyondContext = isBeyondContext
        self.bos = bos
        self.windows = windows
        self.prompts = prompts
        self.tasks = tasks
        self.textField = textField
        self.engine = engine
    }

    private var inputs: EvaluationInputs {
        EvaluationInputs(
            files: files, context: context, isBeyondContext: isBeyondContext, bos: bos, windows: windows,
            textField: textField)
    }

    /// Whether a text's name says that it holds records.
    package static func hasRecords(_ path: String) -> Bool { (try? CalibrationSource.kind(of: path)) == .jsonLines }

    /// - Throws: `Fault` for models and files that cannot be used; all files are read before the first is scored.
    public func measure(_ reporter: any Reporter) throws(Fault) -> EvaluationReport {
        let (date, clock) = (Date.now, ContinuousClock.now)
        let opened = try OpenedModel(model, device: engine.device)
        opened.warnings.forEach(reporter.warning)
        var dense: OpenedModel?
        if let against {
            let other = try OpenedModel(against, device: engine.device)
            other.warnings.forEach(reporter.warning)
            dense = other
        }
        let evaluation = try StreamedEvaluation(opened.decoder, against: dense?.decoder, dtype: engine.dtype)
        let limit = min(opened.configuration.contextLength, dense?.configuration.contextLength ?? .max)
        let given = self.inputs
        let inputs = try given.read(opened, limit: limit, reporter)
        let promptRun = try promptRun(opened, dense, reporter)
        let taskRun = tasks.isEmpty ? nil : try TaskRun(tasks, reporter)
        let overlaps = try CalibrationOverlap(folder: model).found(
            opened, given.rows(inputs, beside: prompts.files) + (promptRun?.rows ?? []), taskRun, reporter)
        var report = EvaluationReport(model: model, against: against, environment: engine.environment)
        report.overlaps = overlaps
        report.began = date.timeIntervalSince1970
        report.tokenizerDigest = try opened.checkpoint.tokenizerDigest()
        // All of it goes through the models together: their weights are read once for as much as fits.
        var texts: [(name: String, source: WindowSource)] = []
        for (file, windows) in inputs {
            let name = given.name(of: file, beside: prompts.files)
            report.tokenDigests[name] = tokenDigest(windows.ids)
            if case .text = file { report.hasBOS[name] = given.beginsWithBOS(opened) }
            if windows.length > limit { report.exceededContext[name] = limit }
            do throws(Fault) { texts.append((name, try evaluation.source(windows))) } catch {
                throw error.inFile(file.path)
            }
        }
        let logs = try promptRun?.sources() ?? []
        let scored = try taskRun?.scoring(opened, place: 0, engine: engine, reporter)
        let denseScored = try dense.flatMap { (dense) throws(Fault) in
            try taskRun?.scoring(dense, place: 1, engine: engine, reporter)
        }
        let sources: [any EvaluationSource] =
            texts.map(\.source) + logs.map(\.source) + [scored, denseScored].compactMap { $0?.source }
        let tokens = Double(sources.reduce(0) { $0 + $1.tokens * $1.models.count })
        reporter.begin(
            "evaluating " + subject(texts.map(\.name), logs.map(\.name), taskRun), total: tokens, unit: "tokens")
        try EvaluationPassage(evaluation.models, dtype: engine.dtype).run(sources) { reporter.update($0 * tokens) }
        reporter.finish()
        for (name, source) in texts {
            let measurement = source.measurement
            if !measurement.meanLoss.isFinite || measurement.divergence?.kl.isFinite == false {
                reporter.warning(
                    "\(name): the predictions are NaN or infinite, so there is no perplexity (null in JSON); look for "
                        + "non-finite weights with `espalier inspect`, or use --dtype float32")
            }
            report.files.append((name, measurement))
        }
        report.prompts = try promptRun?.report(logs, reporter)
        report.tasks = scored?.report(reporter)
        report.tasks?.dense = denseScored?.report(reporter).scoresByName ?? [:]
        report.seconds = clock.duration(to: .now) / .seconds(1)
        return report
    }

    /// What is evaluated, for people: by name where it is one thing.
    private func subject(_ texts: [String], _ logs: [String], _ tasks: TaskRun?) -> String {
        let names = tasks?.names ?? []
        let all = texts + logs + names
        guard all.count != 1 else { return all[0] }
        return [
            (texts.count, "text", "texts"), (logs.count, "prompt log", "prompt logs"), (names.count, "task", "tasks"),
        ]
        .filter { $0.0 > 0 }.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }.joined(separator: ", ")
    }

    private func promptRun(
        _ opened: OpenedModel, _ dense: OpenedModel?, _ reporter: any Reporter
    ) throws(Fault) -> PromptRun? {
        guard !prompts.files.isEmpty else { return nil }
        guard let dense else {
            throw Fault(
                .usage, "prompts are for comparing two models", found: "one model",
                expected: "--against with the model that it was made from")
        }
        var settings = prompts
        settings.textField = textField
        return try PromptRun(
            settings, beside: files.map(\.path), opened, against: dense, engine: engine, reporter)
    }
}
