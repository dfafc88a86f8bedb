import Endpoint
import Faults
import Files
import Foundation
import JSONText
import Tokenization
import Watch

/// What `watch --endpoint` does, apart from its command line: a server is asked for what the reference of the dense
/// model tells of.
public struct ServedWatchRun {
    public var endpoint: EndpointSettings
    /// Path of a model that has the tokenizer of the served one; its weights are not read.
    public var tokenizer: String
    /// Tokens of a prompt at most.
    public var length: Int
    /// The only key of the logs that is read; nil reads the usual forms.
    public var textField: String?

    public init(
        endpoint: EndpointSettings, tokenizer: String, length: Int = WatchRun.defaultLength, textField: String? = nil
    ) {
        self.endpoint = endpoint
        self.tokenizer = tokenizer
        self.length = length
        self.textField = textField
    }

    /// The likeliest tokens that are asked for at each position: as many as servers give without being told to.
    static let likeliest = 20
    /// Places of each prompt at which an answer is asked for.
    static let answersOfAPrompt = 4

    /// Scores the server, appends the interval to the history and looks for drift.
    ///
    /// - Parameters: as for `WatchRun.watch`.
    /// - Throws: `notComparable` when tokenizer, reference and history do not belong together; what the client throws;
    ///   `badData` for answers that cannot be true.
    public func watch(
        reference path: String, history: String, prompts: String?, golden: GoldenWatch? = nil, alpha: Double,
        isNewBaseline: Bool, time: String, _ reporter: any Reporter,
        tell: (WatchRun.Report) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> WatchRun.Report {
        try WatchHistory.checkPlace(history)
        let reference = try WatchReference(contentsOf: path)
        let digest = try FileDigest(contentsOf: path).sha256
        let earlier = try WatchRun.earlier(history, reporter)
        let opened = try OpenedModel(tokenizer, needsWeights: false)
        opened.warnings.forEach(reporter.warning)
        guard let tokenizerDigest = try opened.checkpoint.tokenizerDigest() else {
            throw Fault(.missingInput, "the model has no tokenizer", file: tokenizer)
        }
        try reference.check(
            tokenizerDigest: tokenizerDigest, vocabularySize: opened.configuration.vocabularySize, model: tokenizer,
            file: path)
        let server = try endpoint.connect(reporter)
        let longest = reference.prompts.map(\.ids.count).max() ?? 2
        try checkRoom(longest, server)
        let scoring = try self.scoring(server, opened, reference, reporter)
        let measure = scoring == nil ? ServedMeasure.answers : .logProbabilities
        var interval = WatchInterval(
            time: time, model: server.model, reference: digest, dtype: measure.rawValue,
            positions: reference.positions, kl: 0, topAgreement: 0, isNewBaseline: isNewBaseline)
        let asked = try golden?.read()
        if let golden, let asked { interval.golden = try golden.record(asked) }
        try WatchHistory.check(interval, continues: earlier, file: history)
        let log = try prompts.map { (path) throws(Fault) in
            try LoggedPrompts(
                path, opened, try opened.tokenizer(), textField: textField,
                limit: min(length, opened.configuration.contextLength, server.contextLength.map { $0 - 1 } ?? .max),
                advice: "give longer texts or a larger --length", reporter
            ).prompts.map(\.sequence)
        }
        if let scoring {
            try score(scoring, reference, &interval, reporter)
            if let log { interval.logged = try loss(scoring, log, reporter) }
        } else {
            guard log == nil else {
                throw Fault(
                    .badData, "the server gives no log-probabilities to score logged prompts by",
                    place: server.client.address.base, found: server.version, expected: "vLLM, or no --prompts")
            }
            try ask(server, opened, reference, &interval, reporter)
        }
        if let golden, let asked {
            interval.golden = try golden.record(
                try ServedGoldenAnswers(
                    server: server, opened: opened, settings: golden, concurrency: endpoint.concurrency
                ).answers(asked, reporter))
        }
        EndpointSettings.tellRepeats(server, reporter)
        return try WatchRun.append(
            interval, to: history, after: earlier, alpha: alpha, environment: EndpointSettings.environment(server),
            tell: tell)
    }

    private func checkRoom(_ longest: Int, _ server: EndpointServer) throws(Fault) {
        guard let room = server.contextLength, longest >= room else { return }
        throw Fault(
            .notComparable, "a prompt of the reference is longer than the server has room for",
            place: server.client.address.base, found: "\(longest) tokens", expected: "at most \(room - 1)",
            advice: "write the reference again with a smaller --length")
    }

    /// Nil for a server that gives no log-probabilities by token ids; it is then watched by its answers.
    private func scoring(
        _ server: EndpointServer, _ opened: OpenedModel, _ reference: WatchReference, _ reporter: any Reporter
    ) throws(Fault) -> ServedScoring? {
        let beginning = try ServedScoring.beginning(opened)
        let begun = Set(reference.prompts.map { beginning != nil && $0.ids.first == beginning })
        do throws(Fault) {
            let scoring = try ServedScoring(
                server, opened, begun: begun, length: reference.prompts.map(\.ids.count).max() ?? 2,
                settings: endpoint, likeliest: ServedWatchRun.likeliest, reporter)
            if scoring.tellsIDs { return scoring }
            reporter.note("the server does not tell token ids: it is watched by its answers")
        } catch {
            guard error.kind == .badData else { throw error }
            reporter.note("\(error.summary): it is watched by its answers")
        }
        return nil
    }

    // MARK: Log-probabilities

    private func score(
        _ scoring: ServedScoring, _ reference: WatchReference, _ interval: inout WatchInterval,
        _ reporter: any Reporter
    ) throws(Fault) {
        let answers = try scoring.score(
            reference.prompts.map(\.ids),
            title: "scoring \(Amount.count(reference.prompts.count, "prompt"))", reporter)
        var (position, divergence, agreed) = (0, 0.0, 0)
        for (prompt, tokens) in zip(reference.prompts, answers) {
            for token in tokens[prompt.scoredFrom...] {
                let named = token?.identified ?? []
                divergence += reference.divergence(
                    at: position, named: Dictionary(named.map { ($0.id, $0.logProbability) }) { first, _ in first })
                if named.max(by: { $0.logProbability < $1.logProbability })?.id == reference.topToken(at: position) {
                    agreed += 1
                }
                position += 1
            }
        }
        interval.kl = divergence / Double(position)
        interval.topAgreement = Double(agreed) / Double(position)
    }

    private func loss(
        _ scoring: ServedScoring, _ prompts: [ScoredPrompt], _ reporter: any Reporter
    ) throws(Fault) -> WatchInterval.Logged {
        let answers = try scoring.score(
            prompts.map(\.ids), title: "scoring \(Amount.count(prompts.count, "logged prompt"))", reporter)
        let values = zip(prompts, answers).flatMap { prompt, tokens in
            tokens[prompt.scoredFrom...].compactMap { $0?.logProbability }
        }
        return .init(
            prompts: prompts.count, tokens: values.count, meanLoss: -values.reduce(0, +) / Double(values.count))
    }

    // MARK: Answers

    /// Has the server write the next token at some places of every prompt, and compares it with the dense model's
    /// prediction there.
    private func ask(
        _ server: EndpointServer, _ opened: OpenedModel, _ reference: WatchReference,
        _ interval: inout WatchInterval, _ reporter: any Reporter
    ) throws(Fault) {
        let encoder = try opened.tokenizer()
        var places: [(position: Int, given: [Int32])] = []
        var start = 0
        for prompt in reference.prompts {
            let count = min(prompt.scoredTokens, ServedWatchRun.answersOfAPrompt)
            for index in 0..<count {
                let offset = prompt.scoredTokens * index / count
                // A token that is a part of a character has no text to compare.
                let expected = encoder.decode([reference.topToken(at: start + offset)], skipSpecialTokens: true)
                guard !expected.isEmpty, !expected.unicodeScalars.contains("\u{FFFD}") else { continue }
                places.append((start + offset, Array(prompt.ids[..<(prompt.scoredFrom + offset)])))
            }
            start += prompt.scoredTokens
        }
        guard let first = places.first else {
            throw Fault(
                .notComparable, "the reference has no place at which an answer's text can be compared",
                advice: "write the reference again with other prompts")
        }
        let takesIDs = try server.takesTokenIDs(first.given)
        let asked = places.filter { takesIDs || ServedWatchRun.text($0.given, encoder) != nil }
        guard !asked.isEmpty else {
            throw Fault(
                .notComparable, "no prompt of the reference can be sent to this server as it is",
                place: server.client.address.base, expected: "a server that takes token ids")
        }
        reporter.begin("asking for \(Amount.count(asked.count, "answer"))", total: Double(asked.count))
        let texts = try ConcurrentRequests.run(
            asked.count, width: endpoint.concurrency, done: { reporter.update(Double($0)) }
        ) { (index) throws(Fault) in
            let given = asked[index].given
            let prompt: JSONValue =
                takesIDs
                ? .array(given.map { .integer(Int($0)) }) : .string(ServedWatchRun.text(given, encoder) ?? "")
            return try server.continuation(of: prompt, limit: 1)
        }
        reporter.finish()
        var (loss, agreed) = (0.0, 0)
        for (place, text) in zip(asked, texts) {
            let lost = reference.loss(at: place.position) { id in
                ServedWatchRun.isSame(text, encoder.decode([id], skipSpecialTokens: true))
            }
            loss += lost
            if lost == 0 { agreed += 1 }
        }
        interval.positions = asked.count
        interval.kl = loss / Double(asked.count)
        interval.topAgreement = Double(agreed) / Double(asked.count)
    }

    /// The text that is read as these tokens; nil where none is.
    private static func text(_ ids: [Int32], _ tokenizer: Tokenizer) -> String? {
        let text = tokenizer.decode(ids, skipSpecialTokens: false)
        return tokenizer.encode(text, addSpecialTokens: false) == ids ? text : nil
    }

    /// A token by itself may lack the blank that stands before it in a text.
    static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.drop { $0 == 0x20 }.elementsEqual(right.utf8.drop { $0 == 0x20 })
    }
}
