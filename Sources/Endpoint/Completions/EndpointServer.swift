import Faults
import JSONText

/// A server as it tells of itself, and the model of it that is asked.
public struct EndpointServer: Sendable {
    /// Programs that are told apart, since they differ in what they can be asked.
    public enum Software: Equatable, Sendable {
        case llamaCpp
        case vllm
        case other
    }

    public let client: EndpointClient
    /// The model's name, as requests give it.
    public let model: String
    public let software: Software
    /// "vLLM 0.32.0", "llama.cpp b4719", or what the server's head says; nil where nothing tells.
    public let version: String?
    /// Tokens that the server holds for a prompt and what follows it; nil where it does not say.
    public let contextLength: Int?

    /// - Parameter name: of the model; nil takes the only one that the server has.
    /// - Throws: what the client throws; `usage` when the server has several models or tells none and no name is given,
    ///   `missingInput` for a name that it does not have.
    public init(_ client: EndpointClient, model name: String?) throws(Fault) {
        self.client = client
        let url = client.address.base + "/models"
        var models: [JSONObject]?
        var software = Software.other
        var head: String?
        do throws(Fault) {
            let answer = try client.get(url)
            head = answer.software
            guard let list = answer.value.objectValue?["data"]?.arrayValue?.compactMap(\.objectValue) else {
                throw Fault(
                    .badData, "the server does not list its models", place: url, found: answer.value.kindName,
                    expected: "an object with the list 'data'",
                    advice: "check that the URL is that of an OpenAI-compatible server")
            }
            models = list
        } catch {
            // Some have only what they are asked for; then the name must be known.
            guard error.kind == .missingInput, name != nil else { throw error }
        }
        let owners = (models ?? []).compactMap { $0["owned_by"]?.stringValue }
        if head?.lowercased().hasPrefix("llama.cpp") == true || owners.contains("llamacpp") {
            software = .llamaCpp
        } else if owners.contains("vllm") {
            software = .vllm
        }
        let ids = (models ?? []).compactMap { $0["id"]?.stringValue }
        let chosen = name ?? (ids.count == 1 ? ids[0] : nil)
        guard let chosen else {
            throw Fault(
                .usage, ids.isEmpty ? "the server names no model" : "the server has several models", place: url,
                found: ids.isEmpty ? nil : ids.prefix(8).joined(separator: ", "), expected: "--model NAME")
        }
        let own = models?.first { $0["id"]?.stringValue == chosen }
        // llama.cpp answers to any name.
        if let models, own == nil, software == .vllm {
            throw Fault(
                .missingInput, "the server does not have this model", place: url, found: chosen,
                expected: "one of \(models.compactMap { $0["id"]?.stringValue }.prefix(8).joined(separator: ", "))")
        }
        model = chosen
        self.software = software
        contextLength =
            own?["max_model_len"]?.integerValue ?? own?["meta"]?.objectValue?["n_ctx"]?.integerValue
        version = EndpointServer.version(client, software, head: head)
    }

    /// What only some servers tell, and nothing depends on.
    private static func version(_ client: EndpointClient, _ software: Software, head: String?) -> String? {
        func told(_ path: String, _ key: String) -> String? {
            (try? client.get(client.address.root + path, isRepeated: false))?.value.objectValue?[key]?.stringValue
                .map { LegibleText.of($0, limit: 60) }
        }
        switch software {
        case .vllm: return told("/version", "version").map { "vLLM \($0)" } ?? "vLLM"
        case .llamaCpp: return told("/props", "build_info").map { "llama.cpp \($0)" } ?? "llama.cpp"
        case .other: return head.map { LegibleText.of($0, limit: 60) }
        }
    }

    /// What a result says of where it came from.
    public var json: JSONValue {
        .object([
            "url": .string(client.address.base), "model": .string(model),
            "server": version.map { .string($0) } ?? .null,
        ])
    }

    var completionsURL: String { client.address.base + "/completions" }

    /// One completion, its text ended by itself or at a number of tokens.
    ///
    /// - Returns: the text that follows the prompt, greedy.
    /// - Throws: what the client throws; `badData` for an answer of another form.
    public func continuation(of prompt: JSONValue, limit: Int) throws(Fault) -> String {
        let answer = try client.post(
            "/completions",
            .object([
                "model": .string(model), "prompt": prompt, "max_tokens": .integer(limit), "temperature": .integer(0),
                "stream": .bool(false),
            ]))
        return try choice(answer, has: "text").text
    }

    /// The first choice of an answer.
    func choice(_ answer: JSONValue, has key: String) throws(Fault) -> (object: JSONObject, text: String) {
        guard let choices = answer.objectValue?["choices"]?.arrayValue, let choice = choices.first?.objectValue,
            choices.count == 1, let text = choice["text"]?.stringValue
        else {
            throw Fault(
                .badData, "the server's answer is not a completion", place: completionsURL,
                found: LegibleText.of(answer.text(pretty: false), limit: 120),
                expected: "an object with 'choices', a list of one object that has '\(key)'",
                advice: "check that the URL is that of an OpenAI-compatible server")
        }
        return (choice, text)
    }
}
