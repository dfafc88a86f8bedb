import Calibration
import Evaluation
import Faults
import JSONText

/// What `evaluate` found.
public struct EvaluationReport {
    /// Its path.
    public var model: String
    /// The other model's path.
    public var against: String?
    /// What the figures depend on besides the inputs.
    public var environment: JSONValue
    /// SHA-256 of the model's tokenizer; nil where it has none.
    public var tokenizerDigest: String?
    /// SHA-256 of the tokens that were scored, by file name: tells other results on the same tokens from those on
    /// others.
    public var tokenDigests: [String: String] = [:]
    /// Whether the windows of a text began with BOS, by its name.
    public var hasBOS: [String: Bool] = [:]
    /// The models' context where the windows are longer, by file name.
    public var exceededContext: [String: Int] = [:]
    /// By file name, in the order asked for.
    public var files: [(name: String, measurement: Measurement)] = []
    /// Nil without logs.
    public var prompts: PromptReport?
    /// Logs of prompts that one model was scored on; empty where two were compared.
    public var promptLosses: [PromptLoss] = []
    /// The server that answered; nil where Espalier's own engine computed.
    public var endpoint: JSONValue?
    /// How much of what was scored stands in the calibration text of the model's run, by file or task; empty where the
    /// model has no sketch of it.
    public var overlaps: [(name: String, overlap: NGramOverlap)] = []
    /// Nil without tasks.
    public var tasks: TaskReport?
    /// When it began, in seconds since 1970, and how long it took.
    public var began = 0.0
    public var seconds = 0.0

    /// Without figures yet.
    public init(model: String, against: String?, environment: JSONValue) {
        self.model = model
        self.against = against
        self.environment = environment
    }

    /// What `evaluate --json` prints.
    public var json: JSONValue {
        var perplexity = JSONObject()
        var divergence = JSONObject()
        for (name, found) in files {
            perplexity[name] = .object([
                "value": .double(found.perplexity), "tokens": .integer(found.scoredTokens),
                "context": .integer(found.context), "windows": .integer(found.windows),
                "tokens_sha256": tokenDigests[name].map { .string($0) } ?? .null,
            ])
            if let bits = found.bitsPerByte, var figures = perplexity[name]?.objectValue {
                figures["bytes"] = .integer(found.scoredBytes ?? 0)
                figures["bits_per_byte"] = .double(bits)
                perplexity[name] = .object(figures)
            }
            if let hasBOS = hasBOS[name], var figures = perplexity[name]?.objectValue {
                figures["bos"] = .bool(hasBOS)
                perplexity[name] = .object(figures)
            }
            if let context = exceededContext[name], var figures = perplexity[name]?.objectValue {
                figures["beyond_context"] = .bool(true)
                figures["model_context"] = .integer(context)
                perplexity[name] = .object(figures)
            }
            guard let dense = found.divergence else { continue }
            divergence[name] = .object([
                "kl": .double(dense.kl), "top1_agreement": .double(dense.topAgreement),
                "against_perplexity": .double(dense.densePerplexity),
                "perplexity_ratio": .double(found.perplexity / dense.densePerplexity),
            ])
        }
        var document = JSONObject()
        document["model"] = .string(model)
        document["against"] = against.map { .string($0) } ?? .null
        document["perplexity"] = .object(perplexity)
        document["divergence"] = .object(divergence)
        if let endpoint { document["endpoint"] = endpoint }
        for (key, value) in prompts?.members ?? [] { document[key] = value }
        if !promptLosses.isEmpty {
            document["prompts"] = .object(JSONObject(promptLosses.map { ($0.name, $0.json) }))
        }
        for (key, value) in tasks?.members(model: model, environment: environment) ?? [] { document[key] = value }
        if !overlaps.isEmpty {
            document["calibration_overlap"] = .object(
                JSONObject(overlaps.map { ($0.name, .object($0.overlap.members)) }))
        }
        document["tokenizer_sha256"] = tokenizerDigest.map { .string($0) } ?? .null
        document["environment"] = environment
        document["date"] = .double(began)
        // A text, as lm-evaluation-harness writes it.
        document["total_evaluation_time_seconds"] = .string("\(seconds)")
        return .object(document)
    }

}
