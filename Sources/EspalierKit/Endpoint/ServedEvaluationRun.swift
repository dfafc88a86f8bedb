import Checkpoints
import Endpoint
import Evaluation
import Faults
import Foundation
import JSONText
import Tasks

/// What `evaluate --endpoint` does, apart from its command line: the texts, prompts and tasks of `evaluate`, cut into
/// the same tokens, are scored by a server.
public struct ServedEvaluationRun {
    public var endpoint: EndpointSettings
    /// Path of a model that has the tokenizer of the served one; its weights are not read.
    public var tokenizer: String
    /// As for `EvaluationRun`.
    public var files: [EvaluationRun.File]
    public var context: Int?
    public var bos: Bool?
    public var windows: Int?
    /// Logs that the model is scored on.
    public var prompts: [String]
    public var tasks: TaskSettings
    public var textField: String?

    public init(
        endpoint: EndpointSettings, tokenizer: String, files: [EvaluationRun.File] = [], context: Int? = nil,
        bos: Bool? = nil, windows: Int? = nil, prompts: [String] = [], tasks: TaskSettings = TaskSettings(),
        textField: String? = nil
    ) {
        self.endpoint = endpoint
        self.tokenizer = tokenizer
        self.files = files
        self.context = context
        self.bos = bos
        self.windows = windows
        self.prompts = prompts
        self.tasks = tasks
        self.textField = textField
    }

    /// - Throws: `Fault` for files that cannot be used, all of which are read before the first is scored; for a server
    ///   that cannot be reached or gives no log-probabilities that can be true.
    public func measure(_ reporter: any Reporter) throws(Fault) -> EvaluationReport {
        let (date, clock) = (Date.now, ContinuousClock.now)
        let opened = try OpenedModel(tokenizer, needsWeights: false)
        opened.warnings.forEach(reporter.warning)
        let server = try endpoint.connect(reporter)
        let limit = opened.configuration.contextLength
        // A server needs room for the token that it is made to write.
        let room = min(limit, server.contextLength.map { $0 - 1 } ?? limit)
        let given = EvaluationInputs(
            files: files, context: try context(room, limit, reporter), isBeyondContext: false, bos: bos,
            windows: windows, textField: textField)
        let inputs = try given.read(opened, limit: limit, reporter)
        for (file, windows) in inputs { try checkRoom(windows.length, room, file.path) }
        let logs = try logs(opened, room, reporter)
        let taskRun = tasks.isEmpty ? nil : try TaskRun(tasks, reporter)
        // With the token that is predicted last, a request has one more than the limit.
        let requests = try taskRun?.requests(opened, limit: max(2, room - 1), reporter)
        let overlaps = try CalibrationOverlap(folder: tokenizer).found(
            opened,
            given.rows(inputs, beside: prompts) + logs.map { ($0.name, $0.log.prompts.map { $0.sequence.ids[...] }) },
            taskRun, reporter)

        let windows = inputs.map { _, windows in
            (0..<windows.count).map { Array(windows.ids[$0 * windows.length..<($0 + 1) * windows.length]) }
        }
        let asked = (requests?.units ?? []).flatMap { $0 }.map { $0.input + $0.targets.suffix(1) }
        let all = windows.flatMap { $0 } + logs.flatMap { $0.log.prompts.map(\.sequence.ids) } + asked
        let beginning = try ServedScoring.beginning(opened)
        let scoring = try ServedScoring(
            server, opened, begun: Set(all.map { beginning != nil && $0.first == beginning }),
            length: all.map(\.count).max() ?? 2, settings: endpoint, reporter)

        var report = EvaluationReport(
            model: server.model, against: nil, environment: EndpointSettings.environment(server))
        report.overlaps = overlaps
        report.began = date.timeIntervalSince1970
        report.tokenizerDigest = try opened.checkpoint.tokenizerDigest()
        // Tasks are looked through first: a request that cannot be sent is told before the texts are scored.
        if let requests { try check(requests, asked, scoring) }
        for ((file, found), windows) in zip(inputs, windows) {
            let name = given.name(of: file, beside: prompts)
            let kept = try sendable(windows, scoring, file.path, "window", reporter)
            if case .text = file { report.hasBOS[name] = given.beginsWithBOS(opened) }
            report.tokenDigests[name] = tokenDigest(kept.flatMap { $0 })
            let answers = try scoring.score(kept, title: "scoring \(name)", reporter)
            let values = answers.flatMap { $0 }.compactMap { $0?.logProbability }
            report.files.append(
                (
                    name,
                    Measurement(
                        windows: kept.count, context: found.length, scoredTokens: values.count,
                        meanLoss: -values.reduce(0, +) / Double(values.count),
                        // They are those of the text where the server scores all of its tokens.
                        scoredBytes: values.count == found.scoredTokens ? found.scoredBytes : nil)
                ))
        }
        for (name, log) in logs {
            report.promptLosses.append(try loss(name, log, scoring, reporter))
        }
        if let requests {
            let answers = try scoring.score(asked, title: "scoring tasks", reporter)
            report.tasks = requests.report(likelihoods(requests, answers), reporter)
        }
        EndpointSettings.tellRepeats(server, reporter)
        var described = server.json.objectValue ?? JSONObject()
        described["scored_by"] = .string(scoring.form)
        report.endpoint = .object(described)
        report.seconds = clock.duration(to: .now) / .seconds(1)
        return report
    }

    // MARK: Inputs

    /// Tokens of a text's window.
    private func context(_ room: Int, _ limit: Int, _ reporter: any Reporter) throws(Fault) -> Int? {
        let usual = min(limit, EvaluationInputs.defaultContext)
        let hasTexts = files.contains { if case .text = $0 { true } else { false } }
        guard context == nil, hasTexts, usual > room, room >= 2 else { return context }
        reporter.note(
            "windows of \(Amount.count(room, "token")): the server needs room for one more; give --context \(room) to "
                + "Espalier's own engine for the same windows")
        return room
    }

    private func checkRoom(_ length: Int, _ room: Int, _ file: String) throws(Fault) {
        guard length > room else { return }
        throw Fault(
            .usage, "the windows are longer than the server has room for", file: file,
            found: Amount.count(length, "token"), expected: "at most \(Amount.count(room)), and one that it writes",
            advice: "give a smaller --context, or serve the model with a longer context")
    }

    private func logs(
        _ opened: OpenedModel, _ room: Int, _ reporter: any Reporter
    ) throws(Fault) -> [(name: String, log: LoggedPrompts)] {
        guard !prompts.isEmpty else { return [] }
        let encoder = try opened.tokenizer()
        return try prompts.map { (path) throws(Fault) in
            (
                FileName.shortest(path, among: files.map(\.path) + prompts),
                try LoggedPrompts(
                    path, opened, encoder, textField: textField, limit: room,
                    advice: "give longer texts, or prompts that leave room for their completions", reporter)
            )
        }
    }

    /// The sequences that the server can be made to read as they are.
    private func sendable(
        _ sequences: [[Int32]], _ scoring: ServedScoring, _ file: String, _ noun: String, _ reporter: any Reporter
    ) throws(Fault) -> [[Int32]] {
        let kept = sequences.filter { scoring.canSend($0) && scoring.firstScored($0) < $0.count }
        guard !kept.isEmpty else {
            throw Fault(
                .badData, "no \(noun) can be sent to the server as it is", file: file,
                found: "texts that would be read as other tokens, or that are too short",
                expected: "a server that takes token ids, such as vLLM")
        }
        if kept.count < sequences.count {
            reporter.warning(
                "\(file): \(Amount.count(sequences.count - kept.count, noun)) left out: the server takes texts only and "
                    + "would read \(sequences.count - kept.count == 1 ? "it" : "them") as other tokens")
        }
        return kept
    }

    // MARK: Results

    private func loss(
        _ name: String, _ log: LoggedPrompts, _ scoring: ServedScoring, _ reporter: any Reporter
    ) throws(Fault) -> PromptLoss {
        let prompts = log.prompts.map(\.sequence).filter { scoring.canSend($0.ids) }
        let kept = prompts.filter { max($0.scoredFrom, scoring.firstScored($0.ids)) < $0.ids.count }
        guard !kept.isEmpty else {
            throw Fault(
                .badData, "no prompt can be sent to the server as it is", file: name,
                expected: "a server that takes token ids, such as vLLM")
        }
        let answers = try scoring.score(kept.map(\.ids), title: "scoring \(name)", reporter)
        let values = zip(kept, answers).flatMap { prompt, tokens in
            tokens[prompt.scoredFrom...].compactMap { $0?.logProbability }
        }
        return PromptLoss(
            name: name, prompts: kept.count, cut: log.cut, dropped: log.dropped + log.prompts.count - kept.count,
            tokens: values.count, meanLoss: -values.reduce(0, +) / Double(values.count),
            tokenDigest: tokenDigest(kept.flatMap(\.ids)))
    }

    private func check(_ requests: TaskRequests, _ asked: [[Int32]], _ scoring: ServedScoring) throws(Fault) {
        for (request, ids) in zip(requests.units.flatMap({ $0 }), asked) {
            let first = ids.count - request.targets.count
            guard first < scoring.firstScored(ids) || !scoring.canSend(ids) else { continue }
            throw Fault(
                .badData, "a task's request cannot be sent to this server",
                found: scoring.canSend(ids)
                    ? "an answer that begins at token \(first), where the server gives no log-probability"
                    : "a text that the server would read as other tokens",
                expected: "a server that takes token ids, such as vLLM")
        }
    }

    private func likelihoods(_ requests: TaskRequests, _ answers: [[ServedToken?]]) -> [[Likelihood]] {
        var left = answers[...]
        return requests.units.map { unit in
            let own = left.prefix(unit.count)
            left = left.dropFirst(unit.count)
            return zip(unit, own).map { request, tokens in
                let scored = tokens.suffix(request.targets.count).compactMap { $0 }
                return Likelihood(
                    logProbability: scored.reduce(0) { $0 + $1.logProbability },
                    isGreedy: scored.allSatisfy(\.isLikeliest))
            }
        }
    }
}
