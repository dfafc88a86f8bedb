import ArgumentParser
import Checkpoints
import EspalierKit
import Faults
import Files
import Recipes
import Settings

/// `espalier export`
public struct Export: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Writes a model in the form that a server opens: llama.cpp, vLLM, SGLang, mlx-lm, transformers.",
        discussion: """
            A model whose layers differ, as `espalier prune --method tyr` makes it, opens in this program alone. \
            The formats are:

            gguf: one file for llama.cpp. Layers of one shape are stored under the family's own architecture (llama, \
            qwen2, qwen3, gemma3), layers of different shapes of Llama's family as 'deci'.

            deci: a folder for vLLM, and with widths that are multiples of 256 for SGLang and mlx-lm, too. Llama's \
            family only. All layers have the same number of query heads, or none: those with fewer get heads of zeros. \
            The reader needs trust_remote_code, for the configuration's class only.

            transformers: a folder with the code that transformers needs, for every family. The reader needs \
            trust_remote_code.

            padded: a plain folder of the family, every layer filled with zeros up to the widest. It opens everywhere \
            and saves nothing.

            None of it changes what is computed. Halves that a format cannot leave out become zeros; a layer with \
            neither attention nor MLP is left out. Tokenizer, chat template, licence and base model go along. What a \
            format cannot say is refused before anything is written.

            The default type of a GGUF file is that of the GGUF file that the model was pruned from, or the one that \
            the weights are stored in. Rows that do not hold whole blocks are stored as llama.cpp does: Q4_K as Q5_0, \
            Q5_K as Q5_1, Q6_K as Q8_0, and in F16 where blocks of 32 do not fit either. Norms and biases are F32. \
            --calibration measures on a text how large the inputs of each layer are, so that the types below eight \
            bits lose less where it counts. --imatrix takes such a measurement from a file that llama.cpp made, and \
            --imatrix-output keeps one.

            --text has this program's own reader score the GGUF file that was written, beside the model: perplexity, \
            divergence, and how often both predict the same next token, as `espalier evaluate` measures them. --results \
            keeps the figures. In the folder of a pruned model, as export.json or export-NAME.json, they stand in the \
            page of `espalier report`.

            EXAMPLES
              espalier export pruned --to gguf --output pruned.gguf
              espalier export pruned --to gguf --type Q4_K --calibration news.txt -o q.gguf
              espalier export pruned --to gguf --type Q4_0 --imatrix imatrix.gguf -o q.gguf
              espalier export pruned --to gguf --type Q4_0 -o q.gguf --text test.txt \\
                --results pruned/export-q4_0.json
              espalier export pruned --to deci --output for-vllm
              espalier export pruned --to transformers --type BF16 --output with-code
              espalier export pruned --to padded --output everywhere
            """)

    /// What can be exported to.
    public enum Format: String, ExpressibleByArgument, CaseIterable, Sendable {
        case gguf
        case deci
        case transformers
        case padded

        /// Nil for a file.
        var folder: ServingLayout? {
            switch self {
            case .gguf: nil
            case .deci: .deci
            case .transformers: .transformers
            case .padded: .padded
            }
        }
    }

    @Argument(
        help: ArgumentHelp("The model: a Hugging Face folder or a .gguf file.", valueName: "model"), completion: .model)
    public var model: String

    @Option(
        name: .long,
        help: ArgumentHelp("The format: gguf, deci, transformers or padded.", valueName: "format"))
    public var to: Format

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The matrices' type, in a folder all tensors': \(Export.folderTypes.map(\.name).joined(separator: ", ")); "
                + "for gguf also \(Export.otherTypeNames) (default: the model's own).",
            valueName: "type"),
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
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Scores the GGUF file beside the model on this text, as `espalier evaluate` does; may be given again.",
            valueName: "file"), completion: .texts)
    public var text: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of tokens in a window of --text (default: the model's context, at most 2048).", valueName: "n"))
    public var context: Int?

    @Option(name: .long, help: ArgumentHelp("Scores at most this many windows of each --text.", valueName: "n"))
    public var windows: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Also writes the JSON document of a GGUF export to this file, replacing it; `espalier report` reads it.",
            valueName: "file"), completion: .file())
    public var results: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The file or folder to write.", valueName: "path"),
        completion: .file())
    public var output: String

    @Flag(name: .long, help: "Replaces the output if it exists; an old folder is moved to DIR.previous-N.")
    public var overwrite = false

    @OptionGroup(title: "Messages") public var messages: OutputOptions

    /// Types of a folder's tensors.
    private static let folderTypes: [(name: String, type: NumberFormat)] = [
        ("F32", .float32), ("F16", .float16), ("BF16", .bfloat16),
    ]
    private static let otherTypeNames = GGUFTypes.all.map(\.name)
        .filter { name in !folderTypes.contains { $0.name == name } }.joined(separator: ", ")

    public init() {}

    public mutating func validate() throws {
        if let type {
            let names = to.folder == nil ? GGUFTypes.all.map(\.name) : Export.folderTypes.map(\.name)
            guard names.contains(type.uppercased()) else {
                let format = to.folder == nil ? "" : " with --to \(to.rawValue)"
                throw ValidationError("--type must be one of \(names.joined(separator: ", "))\(format), not \(type).")
            }
        }
        if to.folder != nil, imatrix != nil || !calibration.isEmpty {
            throw ValidationError("--\(imatrix != nil ? "imatrix" : "calibration") is for --to gguf.")
        }
        if to.folder != nil, results != nil || !text.isEmpty {
            throw ValidationError("--\(results != nil ? "results" : "text") is for --to gguf.")
        }
        if let context, !(2...1_048_576).contains(context) {
            throw ValidationError(
                "--context must be between 2 and 1048576, not \(context): a window's first token is not scored.")
        }
        if let windows, !(1...1_000_000_000).contains(windows) {
            throw ValidationError("--windows must be between 1 and 1000000000, not \(windows).")
        }
        for (name, isGiven) in [("context", context != nil), ("windows", windows != nil)] where isGiven && text.isEmpty
        {
            throw ValidationError("--\(name) needs --text.")
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
        let inputs = [model] + (imatrix.map { [$0] } ?? []) + calibration + text
        try SamePath.refuse(output, "--output", among: inputs)
        if let imatrixOutput { try SamePath.refuse(imatrixOutput, "--imatrix-output", among: inputs + [output]) }
        let outputs = [output] + (imatrixOutput.map { [$0] } ?? [])
        let document = try results.map { path throws(Fault) in
            try SamePath.refuse(path, "--results", among: inputs + outputs)
            return try OutputTarget(path)
        }
        let interruption = ExportInterruption(output: output)
        let reporter = messages.makeReporter()
        if let layout = to.folder {
            let type = Export.folderTypes.first { $0.name == self.type?.uppercased() }?.type ?? .auto
            let report = try FolderExport(
                model: model, output: output, layout: layout, type: type, overwrites: overwrite
            ).write(reporter, check: interruption.check)
            return try messages.write(json: report.json, text: report.text)
        }
        let export = GGUFExport(
            model: model, output: output, types: type.flatMap(GGUFTypes.named), importance: importance,
            importanceOutput: imatrixOutput, overwrites: overwrite,
            evaluation: text.isEmpty ? nil : ExportEvaluation(texts: text, context: context, windows: windows))
        for text in text where calibration.contains(where: { SamePath.areSame(text, $0) }) {
            reporter.warning(
                "\(text): --calibration fits the file to this text, so its figures on it may flatter the file")
        }
        let report = try export.write(reporter, check: interruption.check, written: interruption.finish)
        try document?.write(report.json.text() + "\n")
        try messages.write(json: report.json, text: report.text)
    }

    private var importance: GGUFExport.Importance {
        if let imatrix { return .file(imatrix) }
        guard !calibration.isEmpty else { return .equal }
        return .calibration(
            calibration, samples: samples ?? GGUFExport.defaultSamples, sequenceLength: sequenceLength, seed: seed ?? 0)
    }
}
