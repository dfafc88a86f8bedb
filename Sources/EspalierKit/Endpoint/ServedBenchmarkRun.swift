import Endpoint
import Evaluation
import Faults
import JSONText
import Randomness

/// What `benchmark --endpoint` does, apart from its command line: clocks the streams of a server.
public struct ServedBenchmarkRun {
    public var endpoint: EndpointSettings
    /// Another server, which serves the model that it was made from.
    public var against: EndpointSettings?
    /// Tokens of a prompt.
    public var prompts: [Int]
    /// Requests at a time.
    public var batches: [Int]
    /// After each prompt.
    public var newTokens: Int
    /// Number of measurements of each case.
    public var repeats: Int

    public init(
        endpoint: EndpointSettings, against: EndpointSettings? = nil, prompts: [Int], batches: [Int], newTokens: Int,
        repeats: Int
    ) {
        self.endpoint = endpoint
        self.against = against
        self.prompts = prompts
        self.batches = batches
        self.newTokens = newTokens
        self.repeats = repeats
    }

    private var cases: [SpeedCase] {
        batches.flatMap { batch in prompts.map { SpeedCase(prompt: $0, batch: batch, newTokens: newTokens) } }
    }

    /// One of the two servers, with what was found out about it.
    private struct Subject {
        var server: EndpointServer
        var extras: EndpointServer.Extras
        var result: BenchmarkReport.Model
        /// Words that make a prompt of so many tokens.
        var words: [Int: Int] = [:]
        /// What the server counted last, in a prompt of each length.
        var counted: [Int: Int] = [:]
        var short = 0
    }

    /// - Throws: what the client throws; `usage` for sequences that a server has no room for, `badData` for streams
    ///   that cannot be clocked.
    public func measure(_ reporter: any Reporter) throws(Fault) -> BenchmarkReport {
        var subjects: [Subject] = []
        for settings in [endpoint] + (against.map { [$0] } ?? []) {
            subjects.append(try subject(settings, reporter))
        }
        reporter.begin("benchmark", total: Double(subjects.count * cases.count * (repeats + 1)))
        var done = 0.0
        for round in 0...repeats {
            for speedCase in cases {
                for index in subjects.indices {
                    let seed = UInt64(round * cases.count * subjects.count + Int(done))
                    let sample = try sample(&subjects[index], speedCase, seed: seed)
                    // The first round warms up.
                    if round > 0 { subjects[index].result.add(sample, to: speedCase) }
                    done += 1
                    reporter.update(done)
                }
            }
        }
        reporter.finish()
        for subject in subjects {
            EndpointSettings.tellRepeats(subject.server, reporter)
            if subject.short > 0 {
                reporter.warning(
                    "\(subject.server.model): \(Amount.count(subject.short, "answer")) ended before \(newTokens) new "
                        + "tokens; the rates are those of what was written")
            }
            for (prompt, counted) in subject.counted.sorted(by: { $0.key < $1.key })
            where abs(counted - prompt) * 20 > prompt {
                reporter.warning(
                    "\(subject.server.model): the prompts of \(prompt) tokens had \(counted) by the server's own count")
            }
        }
        var report = BenchmarkReport(
            model: subjects[0].result, against: subjects.count > 1 ? subjects[1].result : nil, cases: cases,
            repeats: repeats, environment: EndpointSettings.environment(subjects[0].server))
        report.isServed = true
        return report
    }

    private func subject(_ settings: EndpointSettings, _ reporter: any Reporter) throws(Fault) -> Subject {
        let server = try settings.connect(reporter)
        let longest = (prompts.max() ?? 1) + newTokens
        if let room = server.contextLength, longest > room {
            throw Fault(
                .usage, "the sequences are longer than the server has room for", place: server.client.address.base,
                found: "\(longest) tokens", expected: "at most \(room)",
                advice: "give shorter --prompt or fewer --new-tokens")
        }
        var subject = Subject(
            server: server, extras: .unended,
            result: BenchmarkReport.Model(served: server.model, by: server.json))
        // A strict server refuses what others need to write on.
        do throws(Fault) {
            _ = try server.stream(ServedBenchmarkRun.prompt(words: 8, seed: 0), newTokens: 2, extras: .unended)
        } catch {
            guard error.kind == .badData else { throw error }
            _ = try server.stream(ServedBenchmarkRun.prompt(words: 8, seed: 0), newTokens: 2, extras: .none)
            subject.extras = .none
        }
        for length in Set(prompts).sorted() { try fit(&subject, length) }
        return subject
    }

    /// Finds how many words make a prompt of so many tokens, by the server's own count. Servers that do not count get
    /// a word for each token.
    private func fit(_ subject: inout Subject, _ length: Int) throws(Fault) {
        var words = length
        for attempt in 0..<4 {
            let text = ServedBenchmarkRun.prompt(words: words, seed: UInt64(length + attempt))
            guard let counted = try subject.server.promptTokens(text), counted > 0 else { break }
            // A prompt made longer and longer for a server that does not count would have no end.
            guard counted * ServedBenchmarkRun.mostWordsOfAToken >= words else {
                throw Fault(
                    .badData, "the server counts fewer tokens than a prompt can have",
                    place: subject.server.client.address.base, found: "\(counted) for \(words) words",
                    expected: "at least \(words / ServedBenchmarkRun.mostWordsOfAToken)")
            }
            subject.counted[length] = counted
            guard abs(counted - length) * 50 > length else { break }
            words = max(1, (words * length + counted / 2) / counted)
        }
        subject.words[length] = words
    }

    /// Tokens that span words are rare, and short.
    private static let mostWordsOfAToken = 8

    private func sample(_ subject: inout Subject, _ speedCase: SpeedCase, seed: UInt64) throws(Fault) -> SpeedSample {
        let (server, extras) = (subject.server, subject.extras)
        let words = subject.words[speedCase.prompt] ?? speedCase.prompt
        // What a server has read before, it need not read again: no two prompts begin alike.
        let prompts = (0..<speedCase.batch).map { index in
            ServedBenchmarkRun.prompt(words: words, seed: seed &* 8191 &+ UInt64(index) &+ 1 << 32)
        }
        let streams = try ConcurrentRequests.run(speedCase.batch, width: speedCase.batch) { (index) throws(Fault) in
            try server.stream(prompts[index], newTokens: speedCase.newTokens, extras: extras)
        }
        subject.short += streams.count { $0.tokens < speedCase.newTokens }
        if let counted = streams.compactMap(\.promptTokens).last { subject.counted[speedCase.prompt] = counted }
        return ServedBenchmarkRun.sample(of: streams)
    }

    /// The median wait for a first token, and all tokens after the first ones over the time from the first of them to
    /// the last.
    static func sample(of streams: [StreamedCompletion]) -> SpeedSample {
        let waits = Spread(streams.map(\.timeToFirstToken))
        let first = streams.map(\.first).min() ?? .now
        let last = streams.map(\.last).max() ?? first
        let tokens = streams.reduce(0) { $0 + $1.tokens - 1 }
        return SpeedSample(
            timeToFirstToken: waits.median,
            decodeTokensPerSecond: Double(tokens) / max(first.duration(to: last) / .seconds(1), 1e-9))
    }

    /// Words in a random order, as most tokenizers know them.
    static func prompt(words: Int, seed: UInt64) -> String {
        var generator = SplitMix64(seed: seed)
        return (0..<words).map { _ in vocabulary[Int(generator.next() % UInt64(vocabulary.count))] }
            .joined(separator: " ")
    }

    private static let vocabulary = [
        "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school", "state",
        "family", "student", "group", "country", "problem", "hand", "part", "place", "case", "week", "company",
        "system",
        "program", "question", "work", "government", "number", "night", "point", "home", "water", "room", "mother",
        "area",
        "money", "story", "fact", "month", "lot", "right", "study", "book", "eye", "job", "word", "business", "issue",
        "side", "kind", "head", "house", "service", "friend", "father", "power", "hour", "game", "line", "end",
        "member",
        "law",
    ]
}
