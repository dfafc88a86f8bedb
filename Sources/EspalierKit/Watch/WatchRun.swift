import Evaluation
import Faults
import Files
import Foundation
import JSONText
import Runs
import Torch
import Watch

/// What `watch` does, apart from its command line.
public struct WatchRun {
    public var model: String
    /// Tokens of a prompt at most.
    public var length: Int
    /// The only key of the logs that is read; nil reads the usual forms.
    public var textField: String?
    /// Made ready before.
    public var engine: EngineSettings

    /// Of the process, when there is an alarm.
    public static let alarmExitCode: Int32 = 2
    /// Tokens of a prompt where no length is named.
    public static let defaultLength = 512

    public init(
        model: String, length: Int = WatchRun.defaultLength, textField: String? = nil, engine: EngineSettings
    ) {
        self.model = model
        self.length = length
        self.textField = textField
        self.engine = engine
    }

    /// "2026-01-31T08:00:00Z"
    public static func text(of date: Date) -> String { ISO8601DateFormatter().string(from: date) }

    // MARK: The reference

    /// Stores the model's predictions.
    ///
    /// - Throws: `Fault` for models and prompts that cannot be used, and for predictions that are not numbers.
    public func writeReference(
        to path: String, prompts: String, topCount: Int, _ reporter: any Reporter
    ) throws(Fault) -> WrittenReference {
        // Told before the work, not after it.
        _ = try OutputTarget(path)
        let opened = try open(reporter)
        let sequences = try tokens(prompts, opened, reporter)
        var reference = WatchReference(
            model: model, tokenizerDigest: try digest(opened), vocabularySize: opened.configuration.vocabularySize,
            dtype: "\(engine.dtype)", prompts: sequences, topCount: topCount)
        try reference.checkSize(path)
        try predict(opened, sequences, reporter) { (_, _, logProbabilities) throws(Fault) in
            let width = logProbabilities.size(1)
            let values = logProbabilities.floats()
            guard values.allSatisfy({ !$0.isNaN }) else {
                throw Fault(
                    .badData, "the model's predictions are NaN or infinite", file: model,
                    advice: "look for non-finite weights with `espalier inspect`, or use --dtype float32")
            }
            for row in stride(from: 0, to: values.count, by: width) { reference.append(values[row..<row + width]) }
        }
        let sha256 = try reference.write(to: path)
        return WrittenReference(path: path, reference: reference, sha256: sha256, environment: engine.environment)
    }

    /// A reference that was written.
    public struct WrittenReference {
        /// Its file.
        public var path: String
        /// What is in it.
        public var reference: WatchReference
        /// Of the file.
        public var sha256: String
        public var environment: JSONValue

        public var json: JSONValue {
            .object([
                "reference": .string(path), "sha256": .string(sha256), "model": .string(reference.model),
                "prompts": .integer(reference.prompts.count), "positions": .integer(reference.positions),
                "top": .integer(reference.topCount), "rest": .double(meanRest), "environment": environment,
            ])
        }

        package var meanRest: Double {
            reference.rest.reduce(0) { $0 + Double($1) } / Double(max(1, reference.rest.count))
        }
    }

    // MARK: An interval

    /// Scores the model, appends the interval to the history and looks for drift.
    ///
    /// - Parameters:
    ///   - path: of the reference that `writeReference` made of the dense model.
    ///   - history: the file that the interval is appended to; it is made where there is none.
    ///   - prompts: a log of users' prompts.
    ///   - golden: prompts whose answers must hold.
    ///   - alpha: the chance of any false alarm over the whole history of a baseline.
    ///   - isNewBaseline: whether earlier intervals no longer count.
    ///   - time: of the interval, ISO 8601.
    ///   - reporter: told how the work goes.
    ///   - tell: given what was found, before the interval is appended.
    /// - Throws: `notComparable` when model, reference and history do not belong together; `Fault` for what cannot be
    ///   used.
    public func watch(
        reference path: String, history: String, prompts: String?, golden: GoldenWatch? = nil, alpha: Double,
        isNewBaseline: Bool, time: String, _ reporter: any Reporter,
        tell: (Report) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> Report {
        // Told before the work, as damage and mix-ups are.
        try WatchHistory.checkPlace(history)
        let reference = try WatchReference(contentsOf: path)
        let digest = try FileDigest(contentsOf: path).sha256
        let earlier = try WatchRun.earlier(history, reporter)
        let opened = try open(reporter)
        try reference.check(
            tokenizerDigest: try self.digest(opened), vocabularySize: opened.configuration.vocabularySize,
            model: model, file: path)
        var interval = WatchInterval(
            time: time, model: model, fingerprint: try Fingerprint.of(opened.checkpoint), reference: digest,
            dtype: "\(engine.dtype)", positions: reference.positions,
            kl: 0, topAgreement: 0, isNewBaseline: isNewBaseline)
        interval.golden = try golden.map { (golden) throws(Fault) in try golden.record(golden.read()) }
        try WatchHistory.check(interval, continues: earlier, file: history)
        let log = try prompts.map { path throws(Fault) in try tokens(path, opened, reporter) }

        try score(opened, reference, &interval, reporter)
        if let log { interval.logged = try loss(opened, log, reporter) }
        if let golden {
            let run = GoldenRun(model: model, golden: golden.file, maxTokens: golden.maxTokens, engine: engine)
            // What is to be said of the model has been said.
            interval.golden = try golden.record(try run.answers(SilentReporter()))
        }
        return try WatchRun.append(
            interval, to: history, after: earlier, alpha: alpha, environment: engine.environment, tell: tell)
    }

    /// Judges an interval with those before it and appends it.
    ///
    /// - Parameter tell: given what was found, before the interval is appended.
    /// - Throws: as `WatchHistory.append`.
    static func append(
        _ interval: WatchInterval, to history: String, after earlier: [WatchInterval], alpha: Double,
        environment: JSONValue, tell: (Report) throws(Fault) -> Void
    ) throws(Fault) -> Report {
        func judged(_ intervals: [WatchInterval]) -> Report {
            let current = WatchHistory.current(intervals)
            return Report(
                interval: interval, count: current.count, drift: DriftReport(current, alpha: alpha),
                environment: environment)
        }
        var report: Report?
        do throws(Fault) {
            try WatchHistory.append(interval, to: history) { (intervals) throws(Fault) in
                let judgement = judged(intervals)
                report = judgement
                try tell(judgement)
            }
        } catch {
            // A history that takes no more lines, or was damaged meanwhile, hides no alarm.
            if report == nil, error.kind != .notComparable { try tell(judged(earlier + [interval])) }
            throw error
        }
        return report ?? judged(earlier + [interval])
    }

    /// The intervals so far.
    static func earlier(_ history: String, _ reporter: any Reporter) throws(Fault) -> [WatchInterval] {
        let found = try WatchHistory.contents(history)
        if found.tornBytes > 0 {
            reporter.warning(
                "\(history): the last line is incomplete (\(found.tornBytes) bytes) after a crash; its interval is lost"
            )
        }
        return found.intervals
    }

    /// What an interval showed.
    public struct Report {
        /// Its figures.
        public var interval: WatchInterval
        /// Intervals of this baseline, this one included.
        public var count: Int
        /// What all intervals of the baseline say.
        public var drift: DriftReport
        public var environment: JSONValue

        public var json: JSONValue {
            var object = interval.json
            if var logged = object["logged"]?.objectValue, let loss = interval.logged?.meanLoss {
                logged["perplexity"] = .double(exp(loss))
                object["logged"] = .object(logged)
            }
            object["intervals"] = .integer(count)
            object["drift"] = drift.json
            object["environment"] = environment
            return .object(object)
        }

    }

    // MARK: Parts

    private func open(_ reporter: any Reporter) throws(Fault) -> OpenedModel {
        let opened = try OpenedModel(model, device: engine.device)
        opened.warnings.forEach(reporter.warning)
        return opened
    }

    func digest(_ opened: OpenedModel) throws(Fault) -> String {
        guard let digest = try opened.checkpoint.tokenizerDigest() else {
            throw Fault(
                .missingInput, "the model has no tokenizer", file: model,
                expected: "a tokenizer.json beside the weights",
                advice: "copy the tokenizer of the model that this one was made from")
        }
        return digest
    }

    /// The prompts' tokens; those without a token to score are left out.
    private func tokens(
        _ path: String, _ opened: OpenedModel, _ reporter: any Reporter
    ) throws(Fault) -> [ScoredPrompt] {
        try LoggedPrompts(
            path, opened, try opened.tokenizer(), textField: textField,
            limit: min(length, opened.configuration.contextLength),
            advice: "give longer texts or a larger --length", reporter
        ).prompts.map(\.sequence)
    }

    private func predict(
        _ opened: OpenedModel, _ prompts: [ScoredPrompt], _ reporter: any Reporter,
        body: (Int, Int, Tensor) throws(Fault) -> Void
    ) throws(Fault) {
        let total = Double(prompts.reduce(0) { $0 + $1.ids.count })
        reporter.begin("scoring \(Amount.count(prompts.count, "prompt"))", total: total, unit: "tokens")
        try PromptPredictions(opened.decoder, dtype: engine.dtype).visit(
            prompts.map { .init(ids: $0.ids, scoredFrom: $0.scoredFrom) }, progress: { reporter.update($0 * total) },
            body: body)
        reporter.finish()
    }

    /// Divergence and agreement on the reference's prompts.
    private func score(
        _ opened: OpenedModel, _ reference: WatchReference, _ interval: inout WatchInterval,
        _ reporter: any Reporter
    ) throws(Fault) {
        guard reference.prompts.allSatisfy({ $0.ids.count <= opened.configuration.contextLength }) else {
            throw Fault(
                .notComparable, "a prompt of the reference is longer than the model's context", file: model,
                expected: "a context of at least \(reference.prompts.map(\.ids.count).max() ?? 0) tokens",
                advice: "write the reference again with a smaller --length")
        }
        var position = 0
        var divergence = 0.0
        var agreed = 0
        let k = reference.topCount
        try predict(opened, reference.prompts, reporter) { (_, _, logProbabilities) throws(Fault) in
            let count = logProbabilities.size(0)
            let index = Tensor(
                reference.topTokens(position..<position + count).map(Int64.init), shape: [count, k],
                device: logProbabilities.device)
            let model = logProbabilities.gathered(index, dimension: 1).floats()
            let likeliest = logProbabilities.argmax(1).int64s()
            for row in 0..<count {
                divergence += reference.divergence(at: position, model: model[row * k..<(row + 1) * k])
                if likeliest[row] == Int64(reference.topToken(at: position)) { agreed += 1 }
                position += 1
            }
        }
        interval.kl = divergence / Double(position)
        interval.topAgreement = Double(agreed) / Double(position)
        if !interval.kl.isFinite {
            interval.kl = .nan
            reporter.warning("\(model): the predictions are NaN or infinite")
        }
    }

    /// The loss on users' prompts.
    private func loss(
        _ opened: OpenedModel, _ prompts: [ScoredPrompt], _ reporter: any Reporter
    ) throws(Fault) -> WatchInterval.Logged {
        var sum = 0.0
        var count = 0
        try predict(opened, prompts, reporter) { (prompt, first, logProbabilities) throws(Fault) in
            let rows = logProbabilities.size(0)
            let targets = prompts[prompt].ids[first..<first + rows].map(Int64.init)
            let index = Tensor(targets, shape: [rows, 1], device: logProbabilities.device)
            sum -= logProbabilities.gathered(index, dimension: 1).floats().reduce(0) { $0 + Double($1) }
            count += rows
        }
        let mean = sum / Double(count)
        return .init(prompts: prompts.count, tokens: count, meanLoss: mean.isFinite ? mean : .nan)
    }
}
