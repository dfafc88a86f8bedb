import ArgumentParser
import EspalierKit
import Faults
import Files
import Gate
import JSONText

/// `espalier generate`
public struct Generate: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Continues a text.",
        discussion: """
            The continuation is written to standard output as it is generated. It is greedy unless a temperature is \
            given. BOS is put before the prompt if the tokenizer does so; an empty prompt starts from BOS. The text \
            ends at a token that ends a text or a turn, after --max-tokens, or when the context is full. All weights \
            are held in memory.

            With --golden the model answers the prompts of a file, and the file with its answers is what `espalier \
            gate --golden` compares with the expected ones.

            EXAMPLES
              espalier generate model.gguf --prompt "The capital of France is"
              espalier generate pruned --prompt "" --max-tokens 256
              espalier generate pruned --prompt "Once" --temperature 0.8 --seed 7
              espalier generate pruned --golden golden.json --max-tokens 16 \\
                --output answers.json
            """)

    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String

    @Option(name: .long, help: "The text to continue.")
    public var prompt: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Answers the golden prompts of this JSON file instead of --prompt.", valueName: "file"))
    public var golden: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Writes the golden prompts with the answers to this file.", valueName: "file"))
    public var output: String?

    @Option(name: .long, help: ArgumentHelp("Writes at most this many new tokens.", valueName: "n"))
    public var maxTokens = 128

    @Option(
        name: .long, help: ArgumentHelp("Sampling temperature; 0 always takes the likeliest token.", valueName: "t"))
    public var temperature = 0.0

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Samples only from the likeliest tokens that make up this probability (default: 1).", valueName: "p"))
    public var topP: Double?

    @Option(name: .long, help: ArgumentHelp("Random seed (default: 0).", valueName: "n"))
    public var seed: UInt64?

    @OptionGroup(title: "Engine") public var engine: EngineOptions
    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        guard (0...1_000_000_000).contains(maxTokens) else {
            throw ValidationError("--max-tokens must be between 0 and 1000000000, not \(maxTokens).")
        }
        guard (prompt == nil) != (golden == nil) else {
            throw ValidationError("Give either --prompt or --golden.")
        }
        if golden != nil, temperature != 0 {
            throw ValidationError(
                "--golden takes the likeliest tokens, so that answers repeat: leave out --temperature.")
        }
        if golden == nil, output != nil {
            throw ValidationError(
                "--output is for the answers to --golden; the text of a --prompt is written to standard output.")
        }
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature must be a number of at least 0.")
        }
        if let topP, !(topP > 0 && topP <= 1) { throw ValidationError("--top-p must be above 0 and at most 1.") }
        if temperature == 0, topP != nil || seed != nil {
            throw ValidationError("--top-p and --seed need a --temperature above 0: nothing is drawn without one.")
        }
    }

    public mutating func run() throws {
        if let golden { return try answer(golden) }
        let reporter = messages.makeReporter()
        let isJSON = messages.json
        let isTerminal = StandardOutput.isTerminal
        var hasReader = true
        let run = GenerationRun(
            model: model, prompt: prompt ?? "", maxTokens: maxTokens,
            sampling: .init(temperature: temperature, topP: topP ?? 1, seed: seed ?? 0),
            engine: try engine.start(reporter))
        let report: GenerationRun.Report
        do throws(Fault) {
            report = try run.generate(reporter) { (piece) throws(Fault) in
                guard !isJSON else { return }
                // A terminal obeys what is in the text; a file or a pipe gets it as it is.
                hasReader = try StandardOutput.write(isTerminal ? LegibleText.lines(piece) : piece)
                if !hasReader { throw Fault(.inputOutput, "the reader of standard output is gone") }
            }
        } catch {
            // The rest of the text would be for nobody.
            guard hasReader else { return }
            throw error
        }
        if isJSON {
            try StandardOutput.write(report.json.text() + "\n")
        } else if StandardOutput.isTerminal {
            try StandardOutput.write("\n")
        }
    }

    private func answer(_ golden: String) throws {
        let reporter = messages.makeReporter()
        if let output { try SamePath.refuse(output, "--output", among: [model]) }
        let target = try output.map { path throws(Fault) in try OutputTarget(path) }
        let answers = try GoldenRun(
            model: model, golden: golden, maxTokens: maxTokens, engine: try engine.start(reporter)
        ).answers(reporter).json
        var delivery = Delivery()
        if let target { delivery.attempt { () throws(Fault) in try target.write(answers.text() + "\n") } }
        // Without a file the document itself is the result.
        if messages.json || output == nil {
            delivery.attempt { () throws(Fault) in try StandardOutput.write(answers.text() + "\n") }
        }
        try delivery.finish(verdict: 0)
    }
}
