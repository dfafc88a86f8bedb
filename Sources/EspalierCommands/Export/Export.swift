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
            format cannot say is refused before anything is written. Rows that do not hold whole blocks of 32 are \
            stored in F16; below eight bits the output matrix keeps Q8_0; norms and biases are F32.

            EXAMPLES
              espalier export pruned --to gguf --output pruned.gguf
              espalier export pruned --to gguf --type Q8_0 --output pruned-q8_0.gguf
              espalier export pruned --to gguf --type Q4_0 --output pruned-q4_0.gguf --json
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
        completion: .list(GGUFExport.types.map(\.name)))
    public var type: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    public var output: String

    @Flag(name: .long, help: "Replace the output if it exists.")
    public var overwrite = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    private static let typeNames = GGUFExport.types.map(\.name).joined(separator: ", ")

    public init() {}

    public mutating func validate() throws {
        guard let type else { return }
        guard Export.type(named: type) != nil else {
            throw ValidationError("--type must be one of \(Export.typeNames), not \(type).")
        }
    }

    private static func type(named name: String) -> GGUFTensorType? {
        GGUFExport.types.first { $0.name == name.uppercased() }
    }

    public mutating func run() throws {
        try SamePath.refuse(output, "--output", among: [model])
        let export = GGUFExport(
            model: model, output: output, type: type.flatMap(Export.type), overwrites: overwrite)
        let report = try export.write(messages.makeReporter())
        try messages.write(json: report.json, text: report.text)
    }
}
