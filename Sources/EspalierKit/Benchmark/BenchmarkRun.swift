import Decoders
import Evaluation
import Faults
import Files

/// What `benchmark` does, apart from its command line.
public struct BenchmarkRun {
    /// Path of the model that is measured.
    public var model: String
    /// Path of the model that it was made from, to compare with.
    public var against: String?
    /// Tokens of a prompt.
    public var prompts: [Int]
    /// Prompts at once.
    public var batches: [Int]
    /// After each prompt.
    public var newTokens: Int
    /// Number of measurements of each case.
    public var repeats: Int
    /// Whether the two models are never in memory together.
    public var isOneAtATime: Bool
    /// Made ready before.
    public var engine: EngineSettings

    public init(
        model: String, against: String? = nil, prompts: [Int], batches: [Int], newTokens: Int, repeats: Int,
        isOneAtATime: Bool = false, engine: EngineSettings
    ) {
        self.model = model
        self.against = against
        self.prompts = prompts
        self.batches = batches
        self.newTokens = newTokens
        self.repeats = repeats
        self.isOneAtATime = isOneAtATime
        self.engine = engine
    }

    private var cases: [SpeedCase] {
        batches.flatMap { batch in prompts.map { SpeedCase(prompt: $0, batch: batch, newTokens: newTokens) } }
    }

    /// - Throws: `usage` for sequences beyond a model's context, and what opening and loading throw.
    public func measure(_ reporter: any Reporter) throws(Fault) -> BenchmarkReport {
        var opened: [OpenedModel] = []
        for path in [model] + (against.map { [$0] } ?? []) {
            let one = try OpenedModel(path, device: engine.device)
            one.warnings.forEach(reporter.warning)
            let longest = (prompts.max() ?? 1) + newTokens
            guard longest <= one.configuration.contextLength else {
                throw Fault(
                    .usage, "the sequences are longer than the model's context", file: path,
                    found: "\(longest) tokens", expected: "at most \(one.configuration.contextLength)",
                    advice: "give shorter --prompt or fewer --new-tokens")
            }
            opened.append(one)
        }
        // Each case once to warm up, and as often as asked.
        let rounds = repeats + (isOneAtATime ? 0 : 1)
        reporter.begin("benchmark", total: Double(opened.count * cases.count * (rounds + 1)))
        var done = 0.0
        func step() {
            done += 1
            reporter.update(done)
        }
        var results = opened.map { BenchmarkReport.Model($0) }
        for (index, one) in opened.enumerated() {
            // Alone in memory, each case once.
            let isAlone = Machine.resetPeakMemory()
            let test = SpeedTest(try load(one))
            for speedCase in cases {
                _ = try test.sample(speedCase)
                step()
            }
            if isAlone { results[index].peakMemoryBytes = Machine.peakMemoryBytes }
            guard isOneAtATime else { continue }
            for _ in 0..<repeats {
                for speedCase in cases {
                    results[index].add(try test.sample(speedCase), to: speedCase)
                    step()
                }
            }
        }
        if !isOneAtATime {
            var tests: [SpeedTest] = []
            for one in opened { tests.append(SpeedTest(try load(one))) }
            for round in 0...repeats {
                for speedCase in cases {
                    for (index, test) in tests.enumerated() {
                        let sample = try test.sample(speedCase)
                        if round > 0 { results[index].add(sample, to: speedCase) }
                        step()
                    }
                }
            }
        }
        reporter.finish()
        return BenchmarkReport(
            model: results[0], against: results.count > 1 ? results[1] : nil, cases: cases, repeats: repeats,
            environment: engine.environment)
    }

    private func load(_ opened: OpenedModel) throws(Fault) -> LoadedDecoder {
        try LoadedDecoder(opened.decoder, dtype: engine.dtype, capacity: (prompts.max() ?? 1) + newTokens)
    }
}
