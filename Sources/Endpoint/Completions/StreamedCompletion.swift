import Faults
import JSONText

/// How fast a server wrote one completion.
public struct StreamedCompletion: Equatable, Sendable {
    /// When the first and the last new token came.
    public var first: ContinuousClock.Instant
    public var last: ContinuousClock.Instant
    /// When it was sent.
    public var sent: ContinuousClock.Instant
    /// New tokens: as the server counts them, else the events that brought some.
    public var tokens: Int
    /// Tokens of the prompt, where the server tells them.
    public var promptTokens: Int?

    public init(
        first: ContinuousClock.Instant, last: ContinuousClock.Instant, sent: ContinuousClock.Instant, tokens: Int,
        promptTokens: Int?
    ) {
        self.first = first
        self.last = last
        self.sent = sent
        self.tokens = tokens
        self.promptTokens = promptTokens
    }

    public var timeToFirstToken: Double { sent.duration(to: first) / .seconds(1) }
}

extension EndpointServer {
    /// What is asked of a server beyond what all understand.
    public enum Extras: Sendable {
        /// To write on where the model would end, and to count the tokens.
        case unended
        case none
    }

    /// Has a completion written as a stream, and clocks it.
    ///
    /// - Throws: what the client throws; `badData` for a stream of another form or with fewer than two tokens,
    ///   `inputOutput` for one that ends too early.
    public func stream(
        _ prompt: String, newTokens: Int, extras: Extras
    ) throws(Fault) -> StreamedCompletion {
        var body: [(String, JSONValue)] = [
            ("model", .string(model)), ("prompt", .string(prompt)), ("max_tokens", .integer(newTokens)),
            ("temperature", .integer(0)), ("stream", .bool(true)),
        ]
        if extras == .unended {
            body += [("ignore_eos", .bool(true)), ("stream_options", .object(["include_usage": .bool(true)]))]
        }
        let url = completionsURL
        func wrong(_ found: String, _ kind: Fault.Kind = .badData) -> Fault {
            Fault(
                kind, "the server's stream is not one of completions", place: url, found: found,
                expected: "events with 'choices', and '[DONE]' at the end")
        }
        var events = EventStream()
        var (first, last): (ContinuousClock.Instant?, ContinuousClock.Instant?)
        var (count, isDone) = (0, false)
        var usage: JSONObject?
        let sent = ContinuousClock.now
        try client.stream("/completions", .object(JSONObject(body))) { (part) throws(Fault) in
            let now = ContinuousClock.now
            do throws(Fault) {
                try events.append(part) { (data) throws(Fault) in
                    guard !isDone else { return }
                    if data.elementsEqual("[DONE]".utf8) {
                        isDone = true
                        return
                    }
                    guard let object = (try? JSONValue(parsing: data))?.objectValue else {
                        throw wrong("the event " + LegibleText.of(String(decoding: data, as: UTF8.self), limit: 80))
                    }
                    if let error = object.present("error") {
                        throw Fault(
                            .inputOutput, "the server failed while it answered", place: url,
                            found: LegibleText.of(error.text(pretty: false), limit: 300))
                    }
                    usage = object.present("usage")?.objectValue ?? usage
                    // The last event of some has the usage alone; that of others ends the text and adds none.
                    guard let choice = object["choices"]?.arrayValue?.first?.objectValue,
                        let text = choice["text"]?.stringValue
                    else { return }
                    guard !text.isEmpty || !(choice["finish_reason"].map { !$0.isNull } ?? false) else { return }
                    first = first ?? now
                    last = now
                    count += 1
                }
            } catch {
                var fault = error
                fault.place = fault.place ?? url
                throw fault
            }
        }
        guard isDone, !events.isWithinEvent else {
            throw Fault(
                .inputOutput, "the server's stream ended early", place: url,
                found: "\(count) events, without '[DONE]' at the end",
                expected: "a whole stream",
                advice: "look into the server's log; some servers end one stream when another begins: give --batch 1")
        }
        let told = try tokens("completion_tokens", in: usage)
        if let told, told < count || told > newTokens {
            throw wrong("\(told) new tokens by its own count, \(count) events, \(newTokens) asked for")
        }
        guard let first, let last, (told ?? count) >= 2, first < last else {
            throw Fault(
                .badData, "the server wrote too little to be clocked", place: url,
                found: "\(told ?? count) new tokens in \(count) events", expected: "at least 2, one after the other",
                advice: "the model may end its text at once: try another --prompt length")
        }
        return StreamedCompletion(
            first: first, last: last, sent: sent, tokens: told ?? count,
            promptTokens: try tokens("prompt_tokens", in: usage))
    }

    /// Tokens that the server counts in a prompt; nil where it does not say.
    public func promptTokens(_ prompt: String) throws(Fault) -> Int? {
        let answer = try client.post(
            "/completions",
            .object([
                "model": .string(model), "prompt": .string(prompt), "max_tokens": .integer(1),
                "temperature": .integer(0),
            ]))
        return try tokens("prompt_tokens", in: answer.objectValue?["usage"]?.objectValue)
    }
}
