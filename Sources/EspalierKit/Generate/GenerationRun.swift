import Decoders
import Evaluation
import Faults
import JSONText

/// What `generate` does, apart from its command line.
public struct GenerationRun {
    public var model: String
    public var prompt: String
    /// New tokens at most.
    public var maxTokens: Int
    /// How each token is chosen.
    public var sampling: SamplingSettings
    public var engine: EngineSettings

    public init(
        model: String, prompt: String, maxTokens: Int, sampling: SamplingSettings = .greedy, engine: EngineSettings
    ) {
        self.model = model
        self.prompt = prompt
        self.maxTokens = maxTokens
        self.sampling = sampling
        self.engine = engine
    }

    /// What was written.
    public struct Report {
        public var model: String
        public var prompt: String
        /// The continuation.
        public var text: String
        /// The prompt's tokens, with what goes before it.
        public var promptIDs: [Int32]
        /// The new tokens.
        public var ids: [Int32]
        /// Why it ended.
        public var stop: Generator.Stop
        /// From the prompt's first token to the last new one.
        public var seconds: Double
        /// What the result depends on besides its inputs.
        public var environment: JSONValue

        /// What `generate --json` prints.
        public var json: JSONValue {
            .object([
                "model": .string(model), "prompt": .string(prompt), "text": .string(text),
                "prompt_tokens": .integer(promptIDs.count), "tokens": .integer(ids.count),
                "ids": .array(ids.map { .integer(Int($0)) }), "stop": .string(stop.rawValue),
                "seconds": .double(seconds), "environment": environment,
            ])
        }
    }

    /// - Parameter write: given the continuation piece by piece; what it throws ends the generation.
    public func generate(
        _ reporter: any Reporter, write: (String) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> Report {
        let opened = try OpenedModel(model, device: engine.device)
        opened.warnings.forEach(reporter.warning)
        let tokenizer = try opened.tokenizer()
        let special = try opened.specialTokens(tokenizer)
        var ids = special.begun(tokenizer.encode(prompt, addSpecialTokens: false))
        if ids.isEmpty {
            guard let beginning = special.beginning else {
                throw Fault(
                    .badData, "the prompt is empty and the model has no BOS token to start from", file: model,
                    advice: "give a --prompt of at least one character")
            }
            ids = [beginning]
        }
        let context = opened.configuration.contextLength
        guard ids.count <= context else {
            throw Fault(
                .badData, "the prompt is longer than the model's context", file: model, found: "\(ids.count) tokens",
                expected: "at most \(context) tokens", advice: "shorten the prompt")
        }
        // No larger than the text can become: angles are tabulated for every position.
        let capacity = min(context, ids.count + min(maxTokens, context))
        reporter.begin("loading", total: Double(opened.configuration.layerCount), unit: "blocks")
        let loaded = try LoadedDecoder(opened.decoder, dtype: engine.dtype, capacity: capacity) {
            reporter.update(Double($0))
        }
        reporter.finish()

        // The prompt goes through the decoder first: what comes after it may begin in the middle of a word.
        var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: true)
        for id in ids { _ = decoder.append(id) }
        var text = ""
        func emit(_ piece: String) throws(Fault) {
            guard !piece.isEmpty else { return }
            text += piece
            try write(piece)
        }
        let start = ContinuousClock.now
        let result = try Generator(loaded, endTokens: special.end).generate(
            from: ids, limit: maxTokens, sampling: sampling
        ) { (id) throws(Fault) in try emit(decoder.append(id)) }
        try emit(decoder.finish())
        let seconds = start.duration(to: .now) / .seconds(1)
        switch result.stop {
        case .notANumber:
            reporter.warning("the model's predictions are not numbers; the text ends here")
        case .context: reporter.warning("the text fills the model's context of \(context) tokens and ends here")
        case .endToken, .length: break
        }
        reporter.detail(
            "\(result.ids.count) tokens in \(Amount.duration(seconds)), "
                + "\(Amount.rate(Double(result.ids.count) / max(seconds, 1e-9))) tokens/s")
        return Report(
            model: model, prompt: prompt, text: text, promptIDs: ids, ids: result.ids, stop: result.stop,
            seconds: seconds, environment: engine.environment)
    }
}
