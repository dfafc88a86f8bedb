import ArgumentParser
import Checkpoints
import EspalierKit
import Faults

/// `espalier export`
public struct Export: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Writes a model as a GGUF file, for llama.cpp and what is built on it.",
        discussion: """
            Layers of one shape are stored under the family's own architecture (llama, qwen2, qwen3, gemma3). Layers \
            of different shapes, as `espalier prune --method tyr` makes them of Llama's family, are stored as 'deci', \
            each with its own heads and width. A layer without MLP gets a few neurons of zeros, a first layer without \
            attention a head of zeros, since llama.cpp does not compute such layers; a layer with neither is left \
            out. None of it changes what is computed.

            The tokenizer, chat template, licence and base model stand in the file. A tokenizer or a layer that the \
            format cannot say is refused before anything is written. The default type is that of the GGUF file that \
            the model was pruned from, or the one that the weights are stored in. Rows that do not hold whole blocks \
            are stored as llama.cpp does: Q4_K as Q5_0, Q5_K as Q5_1, Q6_K as Q8_0, and in F16 where blocks of 32 do \
            not fit either. Norms and biases are F32.

            --calibration measures on a text how large the inputs of each layer are, so that the types below eight \
            bits lose less where it counts. --imatrix takes such a measurement from a file that llama.cpp made, and \
            --imatrix-output keeps one.

            EXAMPLES
              espalier export pruned --to gguf --output pruned.gguf
              espalier export pruned --to gguf --type Q8_0 --output pruned-q8_0.gguf
              espalier export pruned --to gguf --type Q4_K --calibration news.txt -o q.gguf
              espalier export pruned --to gguf --type Q4_0 --imatrix imatrix.gguf -o q.gguf
            """)

    /// What can be exported to.
    public enum Format: String, ExpressibleByArgument, CaseIterable, Sendable {
        case gguf
    }

    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String

    @Option(name: .long, help: ArgumentHelp("The format: gguf.", valueName: "format"))
    public var to: Format

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The matrices' type: \(Export.typeNames) (default: the model's own).", valueName: "type"),
        completion: .list(GGUFTypes.all.map(\.name)))
    public var type: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Measures the layers' inputs on this text, as for `espalier prune`; repeatable.", valueName: "source"),
        completion: .file())
    public var calibration: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of calibration sequences (default: \(GGUFExport.defaultSamples)).", valueName: "n"))
    public var samples: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of tokens in a sequence (default: a token file's own, else \(GGUFExport.defaultLength)).",
            valueName: "n"))
    public var sequenceLength: Int?

    @Option(name: .long, help: ArgumentHelp("Seed that picks the sequences (default: 0).", valueName: "n"))
    public var seed: UInt64?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Takes the inputs' sizes from this file (GGUF or .dat of llama-imatrix).", valueName: "file"),
        completion: .file())
    public var imatrix: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Writes what --calibration measured to this file, for llama.cpp.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    public var imatrixOutput: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    public var output: String

    @Flag(name: .long, help: "Replace the output if it exists.")
    public var overwrite = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    private static let typeNames = GGUFTypes.all.map(\.name).joined(separator: ", ")

    public init() {}

    public mutating func validate() throws {
        if let type, GGUFTypes.named(type) == nil {
            throw ValidationError("--type must be one of \(Export.typeNames), not \(type).")
        }
        if imatrix != nil, !calibration.isEmpty {
            throw ValidationError("--imatrix and --calibration cannot be given together.")
        }
        for (name, value) in [("samples", samples), ("sequence-length", sequenceLength)] {
            if let value, value < 1 { throw ValidationError("--\(name) must be at least 1, not \(value).") }
        }
        guard calibration.isEmpty else { return }
        for (name, isGiven) in [
            ("samples", samples != nil), ("sequence-length", sequenceLength != nil), ("seed", seed != nil),
            ("imatrix-output", imatrixOutput != nil),
        ] where isGiven {
            throw ValidationError("--\(name) needs --calibration.")
        }
    }

    public mutating func run() throws {
        let inputs = [model] + (imatrix.map { [$0] } ?? []) + calibration
        try SamePath.refuse(output, "--output", among: inputs)
        if let imatrixOutput { try SamePath.refuse(imatrixOutput, "--imatrix-output", among: inputs + [output]) }
        let export = GGUFExport(
            model: model, output: output, types: type.flatMap(GGUFTypes.named), importance: importance,
            importanceOutput: imatrixOutput, overwrites: overwrite)
        let report = try export.write(messages.makeReporter())
        try messages.write(json: report.json, text: report.text)
    }

    private var importance: GGUFExport.Importance {
        if let imatrix { return .file(imatrix) }
        guard !calibration.isEmpty else { return .equal }
        return .calibration(
            calibration, samples: samples ?? GGUFExport.defaultSamples, sequenceLength: sequenceLength, seed: seed ?? 0)
    }
}
