import Decoders
import Evaluation
import Faults
import Tokenization

/// A model in memory that continues prompts, one after the other.
struct GenerationSession {
    private let model: String
    private let prompts: [String]
    private let ids: [[Int32]]
    private let maxTokens: Int
    private let sampling: SamplingSettings
    private let engine: EngineSettings
    private let tokenizer: Tokenizer
    private let special: SpecialTokens
    private let context: Int
    private let loaded: LoadedDecoder

    /// Checks every prompt before the weights are read.
    ///
    /// - Throws: `badData` for a prompt that is empty where the model has no BOS, or longer than the model's context;
    ///   what `OpenedModel` and `LoadedDecoder` throw.
    init(
        model: String, prompts: [String], maxTokens: Int, sampling: SamplingSettings, engine: EngineSettings,
        _ reporter: any Reporter
    ) throws(Fault) {
        let opened = try OpenedModel(model, device: engine.device)
        opened.warnings.forEach(reporter.warning)
        let tokenizer = try opened.tokenizer()
        let special = try opened.specialTokens(tokenizer)
        let context = opened.configuration.contextLength
        var ids: [[Int32]] = []
        for (index, prompt) in prompts.enumerated() {
            var fault: Fault?
            var prompted = special.begun(tokenizer.encode(prompt, addSpecialTokens: false))
            if prompted.isEmpty {
                if let beginning = special.beginning {
                    prompted = [beginning]
                } else {
                    fault = Fault(
                        .badData, "the prompt is empty and the model has no BOS token to start from", file: model,
                        advice: "give a prompt of at least one character")
                }
            } else if prompted.count > context {
                fault = Fault(
                    .badData, "the prompt is longer than the model's context", file: model,
                    found: "\(prompted.count) tokens", expected: "at most \(context) tokens",
                    advice: "shorten the prompt")
            }
            if var fault {
                if prompts.count > 1 { fault.place = "prompt \(index + 1)" }
                throw fault
            }
            ids.append(prompted)
        }
        // No larger than the texts can become: angles are tabulated for every position.
        let longest = ids.map(\.count).max() ?? 1
        let capacity = min(context, longest + min(maxTokens, context))
        reporter.begin("loading", total: Double(opened.configuration.layerCount), unit: "blocks")
        loaded = try LoadedDecoder(opened.decoder, dtype: engine.dtype, capacity: capacity) {
            reporter.update(Double($0))
        }
        reporter.finish()
        self.model = model
        self.prompts = prompts
        self.ids = ids
        self.maxTokens = maxTokens
        self.sampling = sampling
        self.engine = engine
        self.tokenizer = tokenizer
        self.special = special
        self.context = context
    }

    /// - Parameters:
    ///   - index: of the prompt.
    ///   - write: given the continuation piece by piece; what it throws ends the generation.
    func continuation(
        of index: Int, _ reporter: any Reporter, write: (String) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> GenerationRun.Report {
        // The prompt goes through the decoder first: what comes after it may begin in the middle of a word.
        var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: true)
        for id in ids[index] { _ = decoder.append(id) }
        var text = ""
        func emit(_ piece: String) throws(Fault) {
            guard !piece.isEmpty else { return }
            text += piece
            try write(piece)
        }
        let start = ContinuousClock.now
        let result = try Generator(loaded, endTokens: special.end).generate(
            from: ids[index], limit: maxTokens, sampling: sampling
        ) { (id) throws(Fault) in try emit(decoder.append(id)) }
        try emit(decoder.finish())
        let seconds = start.duration(to: .now) / .seconds(1)
        switch result.stop {
        case .notANumber: reporter.warning("the model's predictions are NaN or infinite; the text ends here")
        case .context: reporter.warning("the text fills the model's context of \(context) tokens and ends here")
        case .endToken, .length: break
        }
        reporter.detail(
            "\(result.ids.count) tokens in \(Amount.duration(seconds)), "
                + "\(Amount.rate(Double(result.ids.count) / max(seconds, 1e-9))) tokens/s")
        return GenerationRun.Report(
            model: model, prompt: prompts[index], text: text, promptIDs: ids[index], ids: result.ids,
            stop: result.stop, seconds: seconds, environment: engine.environment)
    }
}
