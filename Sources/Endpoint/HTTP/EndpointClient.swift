import Faults
import Foundation
import JSONText
import Synchronization

/// Speaks JSON with one server: with time limits, a bound on every answer, and repeats of what passes by itself.
///
/// Any thread may use it; each request has a connection of its own, which is kept for the next.
public final class EndpointClient: Sendable {
    /// Of a request.
    public struct Limits: Equatable, Sendable {
        /// Seconds to reach the server.
        public var connect: Double
        /// Seconds to the last byte of an answer.
        public var total: Double
        /// Bytes of an answer.
        public var bytes: Int
        /// Redirects in a row, all of the server to itself.
        public var redirects = 3

        public init(connect: Double = 10, total: Double = 600, bytes: Int = 64 << 20) {
            self.connect = connect
            self.total = total
            self.bytes = bytes
        }
    }

    public let address: EndpointAddress
    private let key: APIKey?
    private let limits: Limits
    private let retry: RetryPolicy
    private let transport: any HTTPTransport
    private let idle = Mutex<[Held]>([])
    private let repeated = Mutex<(count: Int, reason: String)>((0, ""))

    /// One thread at a time has it.
    private struct Held: @unchecked Sendable { let connection: any HTTPConnection }

    /// - Parameter transport: makes what sends the requests.
    public init(
        _ address: EndpointAddress, key: APIKey? = nil, limits: Limits = Limits(), retry: RetryPolicy = RetryPolicy(),
        transport: any HTTPTransport = CurlTransport()
    ) {
        self.transport = transport
        self.address = address
        self.key = key
        self.limits = limits
        self.retry = retry
    }

    /// What the user should know before anything is sent.
    public var warnings: [String] {
        key != nil && address.scheme == "http" && !address.isLoopback
            ? ["the API key goes to \(address.host) unencrypted: use https"] : []
    }

    /// How many requests were made again, and why the last of them was; nil when none was.
    public var repeats: (count: Int, reason: String)? {
        let found = repeated.withLock { $0 }
        return found.count > 0 ? found : nil
    }

    // MARK: Requests

    /// An answer as JSON.
    struct Answer {
        var value: JSONValue
        /// What the server calls itself.
        var software: String?
    }

    /// - Throws: what `answer` throws, `badData` for what is no JSON.
    func get(_ url: String, isRepeated: Bool = true) throws(Fault) -> Answer {
        try json(url, try answer(url, body: nil, stream: nil, isRepeated: isRepeated))
    }

    /// - Throws: what `answer` throws, `badData` for what is no JSON.
    func post(_ path: String, _ body: JSONValue) throws(Fault) -> JSONValue {
        let url = address.base + path
        return try json(url, try answer(url, body: Array(body.text(pretty: false).utf8), stream: nil)).value
    }

    /// Sends a request whose answer is taken as it arrives; it is not repeated once some of it has.
    ///
    /// - Parameter take: given the parts of the body; what it throws ends the request.
    func stream(
        _ path: String, _ body: JSONValue, take: (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault) {
        let url = address.base + path
        let bytes = Array(body.text(pretty: false).utf8)
        try withoutActuallyEscaping(take) { (take) throws(Fault) in
            _ = try answer(url, body: bytes, stream: take)
        }
    }

    private func json(_ url: String, _ answer: HTTPAnswer) throws(Fault) -> Answer {
        do throws(Fault) {
            // Lists of small objects take many times their text.
            let limits = JSONLimits(acceptsNonFinite: true, memory: max(64 << 20, min(answer.body.count * 40, 1 << 30)))
            return Answer(
                value: try JSONValue(parsing: answer.body, limits: limits), software: answer.header("server"))
        } catch {
            throw Fault(
                .badData, "the server's answer is not JSON", place: url, found: EndpointClient.shown(answer.body),
                expected: "a JSON document",
                advice: "check that the URL is that of an OpenAI-compatible server (\(error.summary))")
        }
    }

    /// - Throws: `inputOutput` when the server cannot be reached, does not answer in time or fails, `badData` for a
    ///   request that it refuses or an answer that is too large, `missingInput` for what it does not have.
    private func answer(
        _ url: String, body: [UInt8]?, stream: ((UnsafeRawBufferPointer) throws(Fault) -> Void)?,
        isRepeated: Bool = true
    ) throws(Fault) -> HTTPAnswer {
        var (url, redirects, attempt) = (url, 0, 0)
        while true {
            let answer = HTTPAnswer(limit: limits.bytes)
            var thrown: Fault?
            if let stream {
                answer.stream = { part in
                    do throws(Fault) { try stream(part) } catch { thrown = error }
                    return thrown == nil
                }
            }
            let outcome = try perform(url, body, answer)
            answer.stream = nil
            if let thrown { throw thrown }
            if outcome.ending == .whole, (200...299).contains(outcome.status) { return answer }
            if outcome.ending == .whole, (300...399).contains(outcome.status) {
                redirects += 1
                url = try redirected(url, answer, outcome.status, isPost: body != nil, count: redirects)
                continue
            }
            let fault = fault(url, outcome, answer)
            let isPassing =
                outcome.ending == .whole ? RetryPolicy.isPassing(status: outcome.status) : outcome.ending == .notReached
            guard isRepeated, isPassing,
                let pause = retry.pause(after: attempt, retryAfter: answer.header("retry-after").flatMap(Double.init))
            else {
                guard attempt > 0 else { throw fault }
                var told = fault
                told.found = (told.found.map { $0 + ", " } ?? "") + "after \(attempt + 1) attempts"
                throw told
            }
            repeated.withLock { $0 = ($0.count + 1, fault.found ?? fault.summary) }
            attempt += 1
            Thread.sleep(forTimeInterval: pause)
        }
    }

    private func perform(_ url: String, _ body: [UInt8]?, _ answer: HTTPAnswer) throws(Fault) -> HTTPOutcome {
        var headers = ["Accept: application/json, text/event-stream", "Expect:", "User-Agent: espalier"]
        if body != nil { headers.append("Content-Type: application/json") }
        if let key { headers.append(key.header) }
        let request = HTTPRequest(
            url: url, headers: headers, body: body, connectTimeout: limits.connect, timeout: limits.total)
        let kept = idle.withLock { $0.popLast() }
        let held = if let kept { kept } else { Held(connection: try transport.connect()) }
        defer { idle.withLock { $0.append(held) } }
        return held.connection.perform(request, into: answer)
    }

    private func redirected(
        _ url: String, _ answer: HTTPAnswer, _ status: Int, isPost: Bool, count: Int
    ) throws(Fault) -> String {
        let location = answer.header("location") ?? ""
        func refused(_ summary: String) -> Fault {
            Fault(
                .inputOutput, summary, place: url, found: "\(status) to \(location.isEmpty ? "nowhere" : location)",
                expected: "the server itself",
                advice: "give --endpoint the URL that really answers, if it is one that you trust")
        }
        guard let target = address.target(ofRedirect: location, from: url) else {
            throw refused("the server sends requests to another place")
        }
        guard count <= limits.redirects else { throw refused("the server redirects without end") }
        // Others turn a POST into a GET, and what was asked is lost.
        guard !isPost || status == 307 || status == 308 else { throw refused("the server redirects a request's body") }
        return target
    }

    // MARK: Faults

    private func fault(_ url: String, _ outcome: HTTPOutcome, _ answer: HTTPAnswer) -> Fault {
        if answer.isTooLarge {
            return Fault(
                .badData, "the server's answer is too large", place: url, found: "more than \(limits.bytes) bytes",
                expected: "at most \(limits.bytes) bytes")
        }
        switch outcome.ending {
        case .whole: return refusal(url, outcome.status, answer.body)
        case .stopped, .other:
            return Fault(.inputOutput, "the request failed", place: url, found: outcome.message)
        case .notReached:
            return Fault(
                .inputOutput, "the server cannot be reached", place: url, found: outcome.message,
                advice: "check that it runs, and the host and port of --endpoint")
        case .timedOut:
            return Fault(
                .inputOutput, "the server did not answer in time", place: url, found: outcome.message,
                expected: "an answer within \(EndpointClient.seconds(limits.total))",
                advice: "look into the server's log, or allow more with --timeout")
        case .untrusted:
            return Fault(
                .inputOutput, "the server's identity could not be checked", place: url, found: outcome.message,
                expected: "a certificate that this system trusts")
        case .broken:
            return Fault(
                .inputOutput, "the server broke the connection", place: url, found: outcome.message,
                expected: "a whole answer", advice: "look into the server's log")
        }
    }

    private static func seconds(_ value: Double) -> String {
        value == value.rounded() && value < 1e9 ? "\(Int(value)) seconds" : "\(value) seconds"
    }

    /// What a status says that is no success.
    private func refusal(_ url: String, _ status: Int, _ body: [UInt8]) -> Fault {
        let found = "\(status)" + (EndpointClient.reason(body).map { ": \($0)" } ?? "")
        switch status {
        case 401, 403:
            return Fault(
                .inputOutput, "the server refuses access", place: url, found: found,
                advice: "put its API key into the environment variable ESPALIER_API_KEY")
        case 404, 405, 501:
            return Fault(
                .missingInput, "the server does not have what was asked for", place: url, found: found,
                advice: "check the URL of --endpoint, and the name of --model against \(address.base)/models")
        case 400...428, 430...499:
            return Fault(.badData, "the server refuses the request", place: url, found: found)
        case 429:
            return Fault(
                .inputOutput, "the server has too many requests", place: url, found: found,
                advice: "try again later, or with a smaller --concurrency")
        default:
            return Fault(
                .inputOutput, EndpointClient.failure, place: url, found: found, advice: "look into the server's log")
        }
    }

    /// What is said of an answer that tells of a failure.
    static let failure = "the server failed"

    /// The message of an error's document, or how a text begins.
    private static func reason(_ body: [UInt8]) -> String? {
        let object = (try? JSONValue(parsing: body.prefix(1 << 20)))?.objectValue
        let error = object?["error"]
        let message =
            error?.objectValue?["message"]?.stringValue ?? error?.stringValue ?? object?["message"]?.stringValue
            ?? object?["detail"].map { $0.stringValue ?? $0.text(pretty: false) }
        return message.map { LegibleText.of($0, limit: 300) } ?? shown(body)
    }

    private static func shown(_ body: [UInt8]) -> String? {
        let text = String(decoding: body.prefix(400), as: UTF8.self).split { $0.isWhitespace }.joined(separator: " ")
        return text.isEmpty ? nil : LegibleText.of(text, limit: 120)
    }
}
