import Calibration
import Evaluation
import Faults
import Files
import Foundation
import JSONText
import Records
import Tokenization

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

    /// The longest window that is taken when none is asked for.
    static let defaultContext = 2048

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
        let inputs = try read(opened, limit: limit, reporter)
        let promptRun = try promptRun(opened, dense, reporter)
        let taskRun = tasks.isEmpty ? nil : try TaskRun(tasks, reporter)
        let overlaps = try overlaps(opened, inputs, promptRun, taskRun, reporter)
        var report = EvaluationReport(model: model, against: against, environment: engine.environment)
        report.overlaps = overlaps
        report.began = date.timeIntervalSince1970
        report.tokenizerDigest = try opened.checkpoint.tokenizerDigest()
        // All of it goes through the models together: their weights are read once for as much as fits.
        var texts: [(name: String, source: WindowSource)] = []
        for (file, windows) in inputs {
            let name = FileName.shortest(file.path, among: files.map(\.path) + prompts.files)
            report.tokenDigests[name] = tokenDigest(windows.ids)
            if case .text = file { report.hasBOS[name] = beginsWithBOS(opened) }
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

    /// What the models were not made for, and what takes long to show it.
    private func checkLength(_ length: Int, limit: Int, isFile: Bool) throws(Fault) {
        guard length > limit, !isBeyondContext else { return }
        throw Fault(
            isFile ? .badData : .usage, "the windows are longer than the model's context",
            place: isFile ? "tensor 'tokens'" : "--context", found: Amount.count(length, "token"),
            expected: "at most \(Amount.count(limit)), the model's context",
            advice: (isFile ? "shorten the rows" : "leave --context out")
                + ", or add --beyond-context to measure what the model does beyond its context")
    }

    /// - Parameter limit: tokens of the models' context.
    private func read(
        _ opened: OpenedModel, limit: Int, _ reporter: any Reporter
    ) throws(Fault) -> [(File, TokenWindows)] {
        let length = context ?? min(limit, EvaluationRun.defaultContext)
        try checkLength(length, limit: limit, isFile: false)
        var tokenizer: Tokenizer?
        var inputs: [(File, TokenWindows)] = []
        for file in files {
            var tokens: TokenWindows
            do throws(Fault) {
                switch file {
                case .text(let path):
                    let text = try self.text(path, opened, reporter)
                    let encoder = if let tokenizer { tokenizer } else { try opened.tokenizer() }
                    tokenizer = encoder
                    reporter.detail("\(path): \(Amount.count(text.utf8.count, "byte")) to tokenize")
                    tokens = try TokenWindows(
                        consecutive: ids(of: text, encoder, length: length),
                        beginning: try beginning(opened, encoder), length: length, limit: windows)
                    tokens.scoredBytes = EvaluationRun.scoredBytes(tokens, encoder)
                case .tokens(let path):
                    let matrix = try TokenFile(path, vocabularySize: opened.configuration.vocabularySize).tokens
                    try checkLength(matrix.columns, limit: limit, isFile: true)
                    tokens = try TokenWindows(ids: matrix.values, length: matrix.columns, limit: windows)
                }
            } catch { throw error.inFile(file.path) }
            if let windows, tokens.count < windows {
                reporter.warning(
                    "\(file.path): \(Amount.count(tokens.count, "window")), fewer than the \(windows) asked for")
            }
            if tokens.length > limit {
                reporter.warning(
                    "\(file.path): windows of \(Amount.count(tokens.length, "token")) are longer than the model's "
                        + "context of \(Amount.count(limit)): the figures are for predictions that it was not "
                        + "trained for"
                )
            }
            inputs.append((file, tokens))
        }
        return inputs
    }

    /// The text's tokens, as far as windows are made of them.
    private func ids(of text: String, _ tokenizer: Tokenizer, length: Int) -> [Int32] {
        var encoder = tokenizer.makeEncoder()
        guard let windows else { return encoder.encode(text, addSpecialTokens: false) }
        // One more, for a BOS that the text itself begins with.
        let (product, overflow) = windows.multipliedReportingOverflow(by: length)
        let wanted = overflow ? .max : max(product, product &+ 1)
        var ids: [Int32] = []
        encoder.encode(text) { part in if ids.count < wanted { ids += part } }
        return ids
    }

    /// Bytes of a text that the scored tokens of consecutive windows stand for. A character of several tokens counts
    /// where it ends.
    static func scoredBytes(_ windows: TokenWindows, _ tokenizer: Tokenizer) -> Int {
        var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: false)
        var bytes = 0
        for (position, id) in windows.ids.enumerated() {
            let text = decoder.append(id)
            if position % windows.length > 0 { bytes += text.utf8.count }
        }
        return bytes + decoder.finish().utf8.count
    }

    private func beginsWithBOS(_ opened: OpenedModel) -> Bool { bos ?? opened.configuration.family.needsBeginning }

    /// BOS, where the windows of a text begin with it.
    private func beginning(_ opened: OpenedModel, _ tokenizer: Tokenizer) throws(Fault) -> Int32? {
        guard beginsWithBOS(opened) else { return nil }
        let special = try SpecialTokens(opened.checkpoint, tokenizer: tokenizer)
        return try SpecialTokens.required(special.beginning, opened.checkpoint)
    }

    /// A text file's text, or that of its records.
    private func text(
        _ path: String, _ opened: OpenedModel, _ reporter: any Reporter
    ) throws(Fault) -> String {
        guard EvaluationRun.hasRecords(path) else {
            let text = try EvaluationText(path)
            if let warning = text.warning { reporter.warning(warning) }
            return text.text
        }
        let text: EvaluationText
        do throws(Fault) {
            text = try EvaluationText(records: path, chat: try opened.chatTemplate(), textField: textField)
        } catch {
            var fault = error
            fault.advice =
                fault.advice ?? "rename the file to end in .txt to evaluate on it as it is"
            throw fault
        }
        reporter.note("\(path): the texts of \(Amount.count(text.documents ?? 0, "record")), joined by blank lines")
        if text.withTools > 0 {
            reporter.warning(
                "\(path): \(Amount.count(text.withTools, "conversation")) rendered without the definitions of "
                    + "their tools"
            )
        }
        return text.text
    }

    /// What the calibration text of the model's run holds of what is evaluated; empty for a model without a sketch of
    /// it.
    private func overlaps(
        _ opened: OpenedModel, _ inputs: [(File, TokenWindows)], _ prompts: PromptRun?, _ tasks: TaskRun?,
        _ reporter: any Reporter
    ) throws(Fault) -> [(name: String, overlap: NGramOverlap)] {
        let unknown = "it is not known whether the evaluated text was used for calibration"
        let kept: CalibrationSketch?
        do throws(Fault) { kept = try CalibrationSketch(folder: model) } catch {
            reporter.warning("\(error.file ?? model): \(error.summary); \(unknown)")
            return []
        }
        guard let sketch = kept else { return [] }
        // Token files can be scored without a tokenizer.
        let tokenizer = sketch.level == .words ? opened.tokenizerIfUsable(reporter, otherwise: unknown) : nil
        var texts: [(String, NGramSet)] = []
        func add(_ name: String, _ rows: some Sequence<ArraySlice<Int32>>) {
            texts.append((name, NGramSet(rows: rows) { tokenizer?.decode($0, skipSpecialTokens: true) }))
        }
        for (file, windows) in inputs {
            let starts = stride(from: 0, to: windows.count * windows.length, by: windows.length)
            add(
                FileName.shortest(file.path, among: files.map(\.path) + self.prompts.files),
                starts.map { windows.ids[$0..<$0 + windows.length] })
        }
        for (name, rows) in prompts?.rows ?? [] { add(name, rows) }
        if let tasks, sketch.level == .words { texts += tasks.texts }
        var overlaps: [(String, NGramOverlap)] = []
        for (name, runs) in texts {
            guard let overlap = sketch.overlap(with: runs) else { continue }
            overlaps.append((name, overlap))
            guard overlap.found > 0 else { continue }
            reporter.warning(
                "\(overlap.text) of \(name) are also in the calibration text of the model; its figures may "
                    + "flatter the model")
        }
        return overlaps
    }
}

extension CalibrationSketch {
    /// The sketch in a published folder's report; nil for any other model.
    ///
    /// - Throws: `Fault` for a report that cannot be read.
    fileprivate init?(folder: String) throws(Fault) {
        let path = folder + "/" + PublishedFile.report
        guard FileSystem.existsUnfollowed(path) else { return nil }
        let bytes = try ReadableFile.bytes(path)
        let report: JSONValue
        do throws(Fault) { report = try JSONValue(parsing: bytes) } catch { throw error.inFile(path) }
        self.init(manifest: report.objectValue?[.calibration])
    }
}
