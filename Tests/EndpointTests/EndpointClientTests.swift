import Faults
import JSONText
import TestSupport
import Testing

@testable import Endpoint

/// What becomes of servers that are slow, broken or hostile: each ends in a message, in bounded time and memory.
struct EndpointClientTests {
    private func client(
        _ server: LoopbackServer, total: Double = 20, bytes: Int = 1 << 20, key: APIKey? = nil, attempts: Int = 2
    ) throws -> EndpointClient {
        EndpointClient(
            try EndpointAddress(server.url), key: key, limits: .init(connect: 5, total: total, bytes: bytes),
            retry: RetryPolicy(attempts: attempts, pause: 0.01))
    }

    private func fault(_ client: EndpointClient) -> Fault? {
        #expect(throws: Fault.self) { try client.post("/completions", .object(["prompt": .string("x")])) }
    }

    @Test func anAnswerIsReadAndTheKeyIsSent() throws {
        let server = try LoopbackServer { _ in .answer(200, body: #"{"a": [1, null]}"#) }
        defer { server.end() }
        let key = try APIKey(environment: ["ESPALIER_API_KEY": "sk-1"])
        let answer = try client(server, key: key).post("/completions", .object(["prompt": .string("ü")]))
        #expect(answer.objectValue?["a"]?.arrayValue?.count == 2)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.path == "/v1/completions")
        #expect(request.headers["authorization"] == "Bearer sk-1")
        #expect(request.headers["content-type"] == "application/json")
        #expect(try JSONValue(parsing: request.body).objectValue?["prompt"]?.stringValue == "ü")
    }

    @Test(arguments: [429, 500, 502, 503, 504])
    func whatPassesIsTriedAgain(status: Int) throws {
        let count = Counter()
        let server = try LoopbackServer { _ in
            count.next() < 2 ? .answer(status, body: "busy") : .answer(200, body: "{}")
        }
        defer { server.end() }
        let client = try client(server)
        _ = try client.get(server.url)
        #expect(server.requests.count == 3 && client.repeats?.count == 2)
    }

    @Test func aServerThatKeepsFailingIsAnErrorWithItsWords() throws {
        let server = try LoopbackServer { _ in .answer(500, body: #"{"error": {"message": "out of\nmemory"}}"#) }
        defer { server.end() }
        let fault = fault(try client(server))
        #expect(fault?.kind == .inputOutput && server.requests.count == 3)
        #expect(fault?.found == "500: out of memory, after 3 attempts")
        #expect(fault?.place == server.url + "/v1/completions")
    }

    @Test(arguments: [(400, Fault.Kind.badData), (401, .inputOutput), (404, .missingInput), (422, .badData)])
    func whatTheRequestIsToBlameForIsNotTriedAgain(status: Int, kind: Fault.Kind) throws {
        let server = try LoopbackServer { _ in .answer(status, body: #"{"detail": "no"}"#) }
        defer { server.end() }
        let fault = fault(try client(server))
        #expect(fault?.kind == kind && fault?.found == "\(status): no" && server.requests.count == 1)
    }

    @Test func nobodyAnswers() throws {
        let server = try LoopbackServer { _ in .silence }
        let client = try client(server)
        server.end()
        let fault = fault(client)
        #expect(fault?.kind == .inputOutput && fault?.summary == "the server cannot be reached")
        #expect(client.repeats?.count == 2)
    }

    @Test(.timeLimit(.minutes(1))) func aServerThatIsSilentTimesOut() throws {
        let server = try LoopbackServer { _ in .silence }
        defer { server.end() }
        let fault = fault(try client(server, total: 0.3))
        #expect(fault?.kind == .inputOutput && fault?.expected == "an answer within 0.3 seconds")
        #expect(server.requests.count == 1)
    }

    @Test func whatIsNotJSONIsShown() throws {
        let server = try LoopbackServer { _ in .answer(200, body: "<html>\n <b>Welcome\u{1B}[31m") }
        defer { server.end() }
        let fault = fault(try client(server))
        #expect(fault?.kind == .badData && fault?.found == "<html> <b>Welcome\u{FFFD}[31m")
    }

    @Test func halfAnAnswerIsAnError() throws {
        let server = try LoopbackServer { _ in .cut(body: #"{"a": 1}"#, promised: 100) }
        defer { server.end() }
        let fault = fault(try client(server))
        #expect(fault?.kind == .inputOutput && fault?.summary == "the server broke the connection")
    }

    @Test(.timeLimit(.minutes(1))) func anAnswerWithoutEndIsBounded() throws {
        let server = try LoopbackServer { _ in .endless(part: String(repeating: "[", count: 1 << 16)) }
        defer { server.end() }
        let fault = fault(try client(server))
        #expect(fault?.kind == .badData && fault?.found == "more than 1048576 bytes")
    }

    @Test func redirectsGoToTheServerItselfOnly() throws {
        let other = try LoopbackServer { _ in .answer(200, body: "{}") }
        let url = other.url
        let server = try LoopbackServer { request in
            switch request.path {
            case "/v1/models": .answer(308, body: "", headers: ["Location: /v2/models"])
            case "/v2/models": .answer(200, body: #"{"here": true}"#)
            case "/v1/completions": .answer(307, body: "", headers: ["Location: \(url)/v1/completions"])
            default: .answer(302, body: "", headers: ["Location: /again"])
            }
        }
        defer {
            server.end()
            other.end()
        }
        let client = try client(server, key: try APIKey(environment: ["ESPALIER_API_KEY": "sk-1"]))
        #expect(try client.get(server.url + "/v1/models").value.objectValue?["here"]?.boolValue == true)
        let fault = fault(client)
        #expect(fault?.kind == .inputOutput && fault?.summary == "the server sends requests to another place")
        #expect(other.requests.isEmpty)
        let endless = #expect(throws: Fault.self) { try client.get(server.url + "/again") }
        #expect(endless?.summary == "the server redirects without end")
    }

    @Test func aBodyIsNotLostInARedirect() throws {
        let server = try LoopbackServer { _ in .answer(302, body: "", headers: ["Location: /v2"]) }
        defer { server.end() }
        #expect(fault(try client(server))?.summary == "the server redirects a request's body")
        #expect(server.requests.count == 1)
    }

    @Test func aServerThatHasEndedTakesNothingFromTheNextOne() throws {
        for _ in 0..<100 {
            try LoopbackServer { _ in .answer(500, body: "ended") }.end()
            let server = try LoopbackServer { _ in .answer(200, body: #"{"n": 1}"#) }
            defer { server.end() }
            #expect(try client(server).get(server.url + "/v1/models").value.objectValue?["n"]?.integerValue == 1)
        }
    }

    @Test func manyRequestsAreMadeTogetherAndTheFirstFaultIsThrown() throws {
        let server = try LoopbackServer { request in
            let text = String(decoding: request.body, as: UTF8.self)
            return text.contains("13") ? .answer(400, body: "no 13") : .answer(200, body: text)
        }
        defer { server.end() }
        let client = try client(server)
        var told: [Int] = []
        let answers = try ConcurrentRequests.run(10, width: 4, done: { told.append($0) }) { (index) throws(Fault) in
            try client.post("/echo", .object(["n": .integer(index)])).objectValue?["n"]?.integerValue
        }
        #expect(answers == Array(0..<10) && told.last == 10 && told == told.sorted())
        let fault = #expect(throws: Fault.self) {
            try ConcurrentRequests.run(1000, width: 4) { (index) throws(Fault) in
                try client.post("/echo", .object(["n": .integer(index)]))
            }
        }
        #expect(fault?.found == "400: no 13")
        #expect(server.requests.count < 200)
    }

    @Test func anotherLibraryCanSendTheRequests() throws {
        final class Canned: HTTPConnection {
            func perform(_ request: HTTPRequest, into receiver: any HTTPReceiver) -> HTTPOutcome {
                _ = receiver.take(header: "HTTP/1.1 200 OK")
                _ = Array(#"{"url": "\#(request.url)"}"#.utf8).withUnsafeBytes { receiver.take(body: $0) }
                return HTTPOutcome(ending: .whole, status: 200, message: "")
            }
        }
        struct Cans: HTTPTransport {
            func connect() throws(Fault) -> any HTTPConnection { Canned() }
        }
        let client = EndpointClient(try EndpointAddress("http://nowhere"), transport: Cans())
        #expect(
            try client.post("/x", .object([:])).objectValue?["url"]?.stringValue == "http://nowhere/v1/x")
    }
}
