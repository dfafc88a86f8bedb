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
        let room = own?["max_model_len"]?.integerValue ?? own?["meta"]?.objectValue?["n_ctx"]?.integerValue
        // Some say 0 or −1 where they have no limit.
        contextLength = room.flatMap { EndpointServer.counts.contains($0) && $0 > 1 ? $0 : nil }
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

    /// Numbers of tokens that a server can mean.
    private static let counts = 0...1 << 32

    /// Tokens as the server counts them.
    ///
    /// - Parameter key: "prompt_tokens" or "completion_tokens".
    /// - Returns: nil where it does not say.
    /// - Throws: `badData` for a number that no count can be.
    func tokens(_ key: String, in usage: JSONObject?) throws(Fault) -> Int? {
        guard let value = usage?.present(key) else { return nil }
        guard let count = value.integerValue, EndpointServer.counts.contains(count) else {
            throw Fault(
                .badData, "the server counts a number of tokens that cannot be", place: completionsURL,
                found: "\(key): \(LegibleText.of(value.text(pretty: false), limit: 40))",
                expected: "an integer from 0 up")
        }
        return count
    }

    /// One completion, its text ended by itself or at a number of tokens.
    ///
    /// - Returns: the text that follows the prompt, greedy.
    /// - Throws: what the client throws; `badData` for an answer of another form, or of more tokens than were asked for.
    public func continuation(of prompt: JSONValue, limit: Int) throws(Fault) -> String {
        let answer = try client.post(
            "/completions",
            .object([
                "model": .string(model), "prompt": prompt, "max_tokens": .integer(limit), "temperature": .integer(0),
                "stream": .bool(false),
            ]))
        let text = try choice(answer, has: "text").text
        if let written = try tokens("completion_tokens", in: answer.objectValue?["usage"]?.objectValue), written > limit
        {
            throw Fault(
                .badData, "the server wrote more than it was asked for", place: completionsURL,
                found: "\(written) new tokens by its own count", expected: "at most \(limit), as 'max_tokens' says")
        }
        return text
    }

    /// Whether a prompt may be token ids; a server that takes texts only refuses them.
    ///
    /// - Throws: what the client throws.
    public func takesTokenIDs(_ ids: [Int32]) throws(Fault) -> Bool {
        do throws(Fault) {
            _ = try continuation(of: .array(ids.map { .integer(Int($0)) }), limit: 1)
            return true
        } catch {
            // Some fall over a prompt that is no text.
            guard error.kind == .badData || error.summary == EndpointClient.failure else { throw error }
            return false
        }
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
