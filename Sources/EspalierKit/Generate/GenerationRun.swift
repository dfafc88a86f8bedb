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
                "prompt_tokens": .integer(promptIDs.count),
                "prompt_ids": .array(promptIDs.map { .integer(Int($0)) }), "tokens": .integer(ids.count),
                "ids": .array(ids.map { .integer(Int($0)) }), "stop": .string(stop.rawValue),
                "seconds": .double(seconds), "environment": environment,
            ])
        }
    }

    /// - Parameters:
    ///   - reporter: told how the work goes.
    ///   - write: given the continuation piece by piece; what it throws ends the generation.
    public func generate(
        _ reporter: any Reporter, write: (String) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> Report {
        let session = try GenerationSession(
            model: model, prompts: [prompt], maxTokens: maxTokens, sampling: sampling, engine: engine, reporter)
        return try session.continuation(of: 0, reporter, write: write)
    }
}
