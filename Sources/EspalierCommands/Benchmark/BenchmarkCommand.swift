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

            EXAMPLES
              espalier benchmark pruned --against model.gguf
              espalier benchmark pruned --against model.gguf --prompt 512 --batch 1 \\
                --batch 8 --output speed.json
            """)

    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String

    @Option(
        name: .long, help: ArgumentHelp("The dense model that it was made from.", valueName: "dense"),
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

    @OptionGroup(title: "Engine") public var engine: EngineOptions
    @OptionGroup(title: "Messages") public var messages: OutputOptions

    /// Read at a time.
    static let mostTokens = 1 << 22

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
        if oneAtATime, against == nil { throw ValidationError("--one-at-a-time is for --against.") }
    }

    public mutating func run() throws {
        let results = try output.map { path throws(Fault) in
            try SamePath.refuse(path, "--output", among: [model] + (against.map { [$0] } ?? []))
            return try OutputTarget(path)
        }
        let reporter = messages.makeReporter()
        let report = try BenchmarkRun(
            model: model, against: against, prompts: prompt.isEmpty ? [128, 512] : prompt,
            batches: batch.isEmpty ? [1, 8] : batch, newTokens: newTokens, repeats: repeats,
            isOneAtATime: oneAtATime, engine: try engine.start(reporter)
        ).measure(reporter)
        try results?.write(report.json.text() + "\n")
        try messages.write(json: report.json, text: report.text)
    }
}
