import ArgumentParser
import EspalierKit
import Faults
import Files

/// `espalier benchmark`
public struct BenchmarkCommand: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measures a model's speed and memory, alone or against the dense model.",
        discussion: """
            For every prompt length and batch: the time to the first token, and new tokens per second after it, \
            greedy, with a key-value cache. Each case is warmed up once and repeated; the median is given with half \
            the spread of the repeats. With --against both models are measured in turns in one run, so that other load \
            on the machine affects both; the ratios say how many times as fast the first model is. Peak memory is \
            measured with one model loaded at a time. Both models must fit into memory unless --one-at-a-time is given.

            --endpoint measures an OpenAI-compatible server instead, by streams; --batch is then the number of requests \
            at a time, and --against the URL of another server, with the dense model. The prompts are random words, as \
            many as the server counts as --prompt tokens. Of several requests the median time to a first token is taken, \
            and all new tokens from the first one of any to the last.

            EXAMPLES
              espalier benchmark pruned --against model.gguf
              espalier benchmark pruned --against model.gguf --prompt 512 --batch 1 \\
                --batch 8 --output speed.json
              espalier benchmark --endpoint http://127.0.0.1:8000 \\
                --against http://127.0.0.1:8001 --output pruned/benchmark.json
            """)

    @Argument(
        help: ArgumentHelp(
            "The model: a Hugging Face folder or a .gguf file; none with --endpoint.", valueName: "model"),
        completion: .model)
    public var model: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The dense model that it was made from; with --endpoint the URL of a server of it.", valueName: "dense"),
        completion: .model)
    public var against: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Number of tokens in a prompt; may be given again (default: 128 and 512).", valueName: "n"))
    public var prompt: [Int] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Number of prompts at once; may be given again (default: 1 and 8).", valueName: "n"))
    public var batch: [Int] = []

    @Option(name: .long, help: ArgumentHelp("Number of new tokens after each prompt.", valueName: "n"))
    public var newTokens = 32

    @Option(name: .long, help: ArgumentHelp("Number of measurements of each case.", valueName: "n"))
    public var repeats = 5

    @Flag(name: .long, help: "Measures the models one after the other and never holds both in memory.")
    public var oneAtATime = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Also writes the JSON document to this file, replacing it.", valueName: "file"),
        completion: .file())
    public var output: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --endpoint and --against: the dense model's name on its server (default: the only one that it has).",
            valueName: "name"))
    public var againstModel: String?

    @OptionGroup(title: "Server") public var server: EndpointOptions
    @OptionGroup(title: "Engine") public var engine: EngineOptions
    @OptionGroup(title: "Messages") public var messages: OutputOptions

    /// Read at a time.
    static let mostTokens = 1 << 22
    /// Each has a connection and a thread.
    static let mostRequests = 256

    public init() {}

    public mutating func validate() throws {
        for (name, values, range) in [
            ("--prompt", prompt, 1...1_048_576), ("--batch", batch, 1...4096),
            ("--new-tokens", [newTokens], 2...1_048_576),
            ("--repeats", [repeats], 1...10_000),
        ] {
            if let wrong = values.first(where: { !range.contains($0) }) {
                throw ValidationError(
                    "\(name) must be between \(range.lowerBound) and \(range.upperBound), not \(wrong).")
            }
        }
        let tokens = (prompt.max() ?? 512) * (batch.max() ?? 8)
        guard tokens <= BenchmarkCommand.mostTokens else {
            throw ValidationError(
                "--prompt times --batch must be at most \(BenchmarkCommand.mostTokens) tokens at a time, not \(tokens)."
            )
        }
        try server.check(model)
        if server.endpoint == nil {
            guard againstModel == nil else { throw ValidationError("--against-model applies to a server.") }
        } else {
            try engine.refuseForEndpoint()
            guard !oneAtATime else {
                throw ValidationError("--one-at-a-time is for Espalier's own engine; servers hold their models.")
            }
            guard againstModel == nil || against != nil else {
                throw ValidationError("--against-model needs --against URL.")
            }
            if let most = batch.max(), most > BenchmarkCommand.mostRequests {
                throw ValidationError(
                    "--batch must be at most \(BenchmarkCommand.mostRequests) requests at a time, not \(most).")
            }
        }
        if oneAtATime, against == nil { throw ValidationError("--one-at-a-time is for --against.") }
    }

    public mutating func run() throws {
        let results = try output.map { path throws(Fault) in
            try SamePath.refuse(
                path, "--output", among: [model, server.endpoint == nil ? against : nil].compactMap { $0 })
            return try OutputTarget(path)
        }
        let reporter = messages.makeReporter()
        let report = try measure(reporter)
        try results?.write(report.json.text() + "\n")
        try messages.write(json: report.json, text: report.text)
    }

    private func measure(_ reporter: ProgressReporter) throws(Fault) -> BenchmarkReport {
        let (prompts, batches) = (prompt.isEmpty ? [128, 512] : prompt, batch.isEmpty ? [1, 8] : batch)
        if let endpoint = try server.settings() {
            var dense = try against.flatMap { (url) throws(Fault) in try server.settings(url) }
            dense?.model = againstModel
            return try ServedBenchmarkRun(
                endpoint: endpoint, against: dense, prompts: prompts, batches: batches, newTokens: newTokens,
                repeats: repeats
            ).measure(reporter)
        }
        return try BenchmarkRun(
            model: model ?? "", against: against, prompts: prompts, batches: batches, newTokens: newTokens,
            repeats: repeats, isOneAtATime: oneAtATime, engine: try engine.start(reporter)
        ).measure(reporter)
    }
}
