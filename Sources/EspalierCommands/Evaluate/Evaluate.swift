import ArgumentParser
import EspalierKit
import Faults
import Files
import Tasks

/// `espalier evaluate`
public struct Evaluate: ParsableCommand, Verb {
    public static let configuration = CommandConfiguration(
        abstract: "Measures perplexity, divergence from the dense model, and zero-shot tasks.",
        discussion: """
            A text is tokenized as a whole and cut into consecutive windows of --context tokens; the last partial \
            window is dropped. With --bos, the default for Gemma alone, each window begins with BOS, followed by one \
            token less of the text. The records of a .jsonl, .ndjson or .json file are joined by blank lines to one \
            text. A token file holds the int32 tensor 'tokens' [n, T]; each row is one window. The first token of a \
            window is not scored. Perplexity is exp(mean negative log-likelihood) over all scored tokens. --against \
            measures, on the same tokens, the mean Kullback-Leibler divergence of the model's predictions from the \
            other's, in nats, and how often both predict the same next token.

            --prompts compares the two models on a log of prompts, JSON objects, one per line or in one array: \
            {"prompt": …, "completion": …} scores the completion, {"prompt": …} or {"text": …} the text itself, \
            {"messages": …} or {"conversations": …} the last reply. Both models' own greedy continuations are shown \
            for the --differences prompts with the largest divergence. For these the models are loaded \
            as a whole, one after the other.

            --tasks scores the named tasks as lm-evaluation-harness does: \(taskNames); also groups such as mmlu_stem \
            and single subjects such as mmlu_anatomy. Their data are read from local files only: the sets' published \
            files in the folder of --task-data. --task-file adds a task of your own, a small YAML file with name, \
            data, prompt, choices and answer. --against scores the other model too. Documentation/Tasks.md lists \
            files, prompts and figures.

            --endpoint measures what a server serves: texts, tasks, and --prompts without --against. The server must be \
            OpenAI-compatible and tell the log-probabilities of a prompt; it is tried first. --tokenizer names a model \
            with the same tokenizer. An API key is read from ESPALIER_API_KEY or OPENAI_API_KEY.

            A warning names every text, log and task that shares passages with the text that a pruned model was \
            calibrated on, where its folder has a record of that text.

            Weights are read block by block: the model need not fit into memory, except for --differences.

            EXAMPLES
              espalier evaluate model.gguf --text test.txt --context 1024 --windows 10
              espalier evaluate pruned --against model.gguf --text test.txt --json
              espalier evaluate pruned --against model.gguf --prompts log.jsonl \\
                --differences 20
              espalier evaluate pruned --tokens windows.safetensors --output results.json
              espalier evaluate pruned --tasks hellaswag,arc_easy --task-data sets \\
                --limit 200
              espalier evaluate pruned --tasks mmlu --task-data sets --num-fewshot 5 --json
              espalier evaluate pruned --task-file capitals.yaml --samples samples.jsonl
              espalier evaluate --endpoint http://127.0.0.1:8000 --tokenizer pruned \\
                --text test.txt --context 1024
            """)

    private static let taskNames = TaskCatalogue.names.joined(separator: ", ")

    @Argument(
        help: ArgumentHelp(
            "The model: a Hugging Face folder or a .gguf file; none with --endpoint.", valueName: "model"),
        completion: .model)
    public var model: String?

    @Option(
        name: .long, help: ArgumentHelp("The dense model that it was made from.", valueName: "dense"),
        completion: .model)
    public var against: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "A UTF-8 text, or records in .jsonl, .ndjson or .json, optionally gzipped; may be given again.",
            valueName: "file"), completion: .texts)
    public var text: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Reads only this key of the records of --text and --prompts: a text, or a list of messages (default: the "
                + "usual forms).", valueName: "name"))
    public var textField: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("A .safetensors file with 'tokens' [n, T]; may be given again.", valueName: "file"),
        completion: .file(extensions: ["safetensors"]))
    public var tokens: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Number of tokens in a window of a text (default: the model's context, at most 2048).", valueName: "n"))
    public var context: Int?

    @Flag(name: .long, help: "Allows windows that are longer than the model's context; the result says so.")
    public var beyondContext = false

    @Flag(
        name: .long, inversion: .prefixedNo,
        help:
            "Begins each window of a text with BOS (default: only for Gemma, which needs it)."
    )
    public var bos: Bool?

    @Option(name: .long, help: ArgumentHelp("Scores at most this many windows of each file.", valueName: "n"))
    public var windows: Int?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Also writes the JSON document to this file, replacing it.", valueName: "file"),
        completion: .file())
    public var output: String?

    @OptionGroup(title: "Prompts") public var prompts: PromptOptions
    @OptionGroup(title: "Tasks") public var tasks: TaskOptions
    @OptionGroup(title: "Server") public var scoring: ScoringOptions
    @OptionGroup(title: "Engine") public var engine: EngineOptions
    @OptionGroup(title: "Messages") public var messages: OutputOptions

    public init() {}

    public mutating func validate() throws {
        guard !text.isEmpty || !tokens.isEmpty || !prompts.files.isEmpty || !tasks.settings.isEmpty else {
            throw ValidationError(
                "There is nothing to evaluate on; give --text FILE or --tokens FILE, --prompts FILE with "
                    + "--against DENSE, or --tasks NAMES with --task-data DIR.")
        }
        try scoring.check(model)
        if scoring.server.endpoint == nil {
            guard prompts.files.isEmpty || against != nil else {
                throw ValidationError("--prompts compares two models: give --against DENSE.")
            }
        } else {
            try refuseForEndpoint()
        }
        if let context {
            guard (2...1_048_576).contains(context) else {
                throw ValidationError(
                    "--context must be between 2 and 1048576, not \(context): a window's first token is not scored."
                )
            }
            guard !text.isEmpty else {
                throw ValidationError("--context applies to --text only: the rows of a token file are its windows.")
            }
        }
        guard !beyondContext || context != nil || !tokens.isEmpty else {
            throw ValidationError("--beyond-context applies to windows of --context N and to --tokens only.")
        }
        guard bos == nil || !text.isEmpty else {
            throw ValidationError("--bos and --no-bos apply to --text only: the rows of a token file are its windows.")
        }
        guard textField == nil || !prompts.files.isEmpty || text.contains(where: EvaluationRun.hasRecords) else {
            throw ValidationError(
                "--text-field applies to the records of .jsonl files only; there is no such file.")
        }
        guard windows == nil || !text.isEmpty || !tokens.isEmpty else {
            throw ValidationError("--windows applies to --text and --tokens only; --limit bounds the items of a task.")
        }
        if let windows, !(1...1_000_000_000).contains(windows) {
            throw ValidationError("--windows must be between 1 and 1000000000, not \(windows).")
        }
    }

    /// What has no meaning where only log-probabilities of the tokens themselves are told.
    private func refuseForEndpoint() throws {
        guard against == nil else {
            throw ValidationError(
                "--against needs both models' whole predictions, which no server tells; measure each --endpoint by "
                    + "itself and compare the perplexities.")
        }
        guard prompts.differences == nil, prompts.continuation == nil else {
            throw ValidationError("--differences and --continuation compare two models; with --endpoint there is one.")
        }
        guard !beyondContext else {
            throw ValidationError("--beyond-context cannot be used with --endpoint: a server refuses longer windows.")
        }
        try engine.refuseForEndpoint()
    }

    public mutating func run() throws {
        let results = try output.map { path throws(Fault) in
            try SamePath.refuse(path, "--output", among: inputs)
            return try OutputTarget(path)
        }
        let samples = try tasks.samples.map { path throws(Fault) in
            try SamePath.refuse(path, "--samples", among: inputs + (output.map { [$0] } ?? []))
            return try OutputTarget(path)
        }
        let reporter = messages.makeReporter()
        let report = try measure(reporter)
        try results?.write(report.json.text() + "\n")
        try samples?.write(report.tasks?.samples ?? "")
        try messages.write(json: report.json, text: report.text)
    }

    private func measure(_ reporter: ProgressReporter) throws(Fault) -> EvaluationReport {
        let files = text.map { EvaluationRun.File.text($0) } + tokens.map { .tokens($0) }
        if let endpoint = try scoring.settings() {
            return try ServedEvaluationRun(
                endpoint: endpoint, tokenizer: scoring.tokenizer ?? "", files: files, context: context, bos: bos,
                windows: windows, prompts: prompts.files, tasks: tasks.settings, textField: textField
            ).measure(reporter)
        }
        return try EvaluationRun(
            model: model ?? "", against: against, files: files, context: context,
            isBeyondContext: beyondContext, bos: bos, windows: windows,
            prompts: prompts.settings, tasks: tasks.settings, textField: textField,
            engine: try engine.start(reporter)
        ).measure(reporter)
    }

    private var inputs: [String] {
        [model, against, scoring.tokenizer].compactMap { $0 } + text + tokens + prompts.files + tasks.settings.files
    }
}
