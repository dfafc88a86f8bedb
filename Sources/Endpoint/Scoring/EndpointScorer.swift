import Faults
import JSONText
import Tokenization

/// Scores token sequences through a server, in the form that a probe found.
public struct EndpointScorer: Sendable {
    /// How a server is asked for the log-probabilities of a prompt.
    public enum Form: String, Sendable {
        /// Token ids, `prompt_logprobs`.
        case promptLogProbabilities = "prompt_logprobs"
        /// Token ids, `echo` with `logprobs`.
        case echoedIDs = "echo"
        /// The tokens' text, `echo` with `logprobs`.
        case echoedText = "echo of text"
    }

    /// How sequences of one kind are asked for: those that begin with BOS, or the others.
    struct Layout: Equatable, Sendable {
        var form: Form
        /// Whether BOS is left out of the text that is sent, since the server puts it there.
        var omitsBeginning = false
        /// Tokens at the begin that the server leaves out of its lists.
        var dropped = 0
    }

    public let server: EndpointServer
    let tokenizer: Tokenizer
    /// BOS; nil for a model without.
    let beginning: Int32?
    /// By whether a sequence begins with BOS.
    private(set) var layouts: [Bool: Layout] = [:]
    /// The likeliest tokens of each position that are asked for.
    public var likeliest = 1

    /// Knows no form yet: see `probe`.
    public init(_ server: EndpointServer, tokenizer: Tokenizer, beginning: Int32?) {
        self.server = server
        self.tokenizer = tokenizer
        self.beginning = beginning
    }

    mutating func set(_ layout: Layout, forBegun isBegun: Bool) { layouts[isBegun] = layout }

    func isBegun(_ ids: some Collection<Int32>) -> Bool { beginning != nil && ids.first == beginning }

    /// The index of the first token that is scored: 1, or 2 where the server leaves BOS out of its lists.
    public func firstScored(_ ids: some Collection<Int32>) -> Int { 1 + (layouts[isBegun(ids)]?.dropped ?? 0) }

    /// The form in which sequences are asked for.
    public func form(begun isBegun: Bool) -> Form? { layouts[isBegun]?.form }

    /// Whether a sequence can be sent so that the server reads these tokens. Only a text may be read as others.
    public func canSend(_ ids: [Int32]) -> Bool {
        guard let layout = layouts[isBegun(ids)], layout.form == .echoedText else { return true }
        return text(ids, layout) != nil
    }

    /// What the server says of each token; nil where it says nothing.
    ///
    /// - Throws: what the client throws; `badData` for an answer that is not of the form that the probe found.
    public func score(_ ids: [Int32]) throws(Fault) -> [ServedToken?] {
        guard let layout = layouts[isBegun(ids)] else {
            throw Fault(.badData, "the server was not tried with such prompts", place: server.completionsURL)
        }
        return try score(ids, layout)
    }

    func score(_ ids: [Int32], _ layout: Layout) throws(Fault) -> [ServedToken?] {
        var body: [(String, JSONValue)] = [("model", .string(server.model))]
        if layout.form == .echoedText {
            guard let text = text(ids, layout) else {
                throw Fault(
                    .badData, "a prompt's text would be read as other tokens", place: server.completionsURL,
                    found: LegibleText.of(tokenizer.decode(ids.prefix(20), skipSpecialTokens: false), limit: 80),
                    expected: "a server that takes token ids")
            }
            body.append(("prompt", .string(text)))
        } else {
            body.append(("prompt", .array(ids.map { .integer(Int($0)) })))
        }
        // Some take 0 for no limit. What is written is not looked at.
        body += [("max_tokens", .integer(1)), ("temperature", .integer(0)), ("stream", .bool(false))]
        switch layout.form {
        case .promptLogProbabilities: body.append((PromptLogProbabilities.key, .integer(likeliest)))
        case .echoedIDs, .echoedText: body += [("echo", .bool(true)), ("logprobs", .integer(likeliest))]
        }
        do throws(Fault) {
            let answer = try server.client.post("/completions", .object(JSONObject(body)))
            let choice = try server.choice(answer, has: "text").object
            return switch layout.form {
            case .promptLogProbabilities: try PromptLogProbabilities.read(choice, ids: ids)
            case .echoedIDs, .echoedText:
                try EchoedLogProbabilities.read(answer, choice, ids: ids, dropped: layout.dropped, tokenizer)
            }
        } catch {
            var fault = error
            fault.place = fault.place ?? server.completionsURL
            throw fault
        }
    }

    /// The text that is read as these tokens, without a BOS that the server puts there; nil where none is.
    private func text(_ ids: [Int32], _ layout: Layout) -> String? {
        let sent = layout.omitsBeginning ? ids.dropFirst() : ids[...]
        let text = tokenizer.decode(sent, skipSpecialTokens: false)
        return tokenizer.encode(text, addSpecialTokens: false).elementsEqual(sent) ? text : nil
    }
}
