import Endpoint
import Faults
import JSONText

/// What a server answers, which may be anything.
nonisolated(unsafe) let endpointTargets: [FuzzTarget] = [
    FuzzTarget("endpoint-models", .json) { bytes, _ in
        for name in [nil, "tiny"] as [String?] {
            attempt { () throws(Fault) in
                let server = try EndpointServer(client(models: bytes, answer: []), model: name)
                precondition(server.contextLength ?? 2 > 1, "a room for \(server.contextLength ?? 0) tokens")
                _ = server.json
            }
        }
    },
    FuzzTarget("endpoint-answer", .json) { bytes, scratch in
        guard let server = try? EndpointServer(client(models: usualModels, answer: bytes), model: nil) else {
            fatalError("the usual list of models is refused")
        }
        attempt { () throws(Fault) in _ = try server.continuation(of: .string("The "), limit: 1) }
        attempt { () throws(Fault) in _ = try server.promptTokens("The ") }
        for isBegun in [false, true] {
            attempt { () throws(Fault) in
                var scorer = EndpointScorer(server, tokenizer: sharedTokenizer(scratch), beginning: 256)
                try scorer.probe(begun: isBegun, length: 4)
                let ids: [Int32] = isBegun ? [256, 84, 104, 101] : [84, 104, 101, 32]
                let tokens = try scorer.score(ids)
                precondition(tokens.count == ids.count && tokens[0] == nil, "\(tokens.count) tokens")
                for token in tokens.compactMap({ $0 }) {
                    precondition(token.logProbability.isFinite && token.logProbability <= 0)
                    _ = token.identified
                }
            }
        }
    },
    FuzzTarget("endpoint-stream", .bytes) { bytes, _ in
        for size in [1, 7, max(1, bytes.count)] {
            attempt { () throws(Fault) in
                let server = try EndpointServer(client(models: usualModels, answer: bytes, size: size), model: nil)
                let stream = try server.stream("The ", newTokens: 4, extras: .unended)
                precondition((2...4).contains(stream.tokens) && stream.timeToFirstToken >= 0)
                precondition(stream.first < stream.last)
            }
        }
    },
]

private let usualModels = Array(#"{"data": [{"id": "tiny", "max_model_len": 32}]}"#.utf8)

private func attempt(_ body: () throws(Fault) -> Void) { do { try body() } catch { FuzzTarget.check(error) } }

private func client(models: [UInt8], answer: [UInt8], size: Int = 1 << 16) -> EndpointClient {
    guard let address = try? EndpointAddress("http://127.0.0.1:8000") else { fatalError("no address") }
    return EndpointClient(
        address, limits: .init(connect: 1, total: 1, bytes: 1 << 20), retry: RetryPolicy(attempts: 0),
        transport: Answers(models: models, answer: answer, size: size))
}

/// Answers to every request with the bytes of an input, some at a time.
private struct Answers: HTTPTransport {
    let models: [UInt8]
    let answer: [UInt8]
    let size: Int

    func connect() throws(Fault) -> any HTTPConnection { Connection(answers: self) }

    private final class Connection: HTTPConnection {
        private let answers: Answers

        init(answers: Answers) { self.answers = answers }

        func perform(_ request: HTTPRequest, into receiver: any HTTPReceiver) -> HTTPOutcome {
            let bytes = request.body == nil ? answers.models : answers.answer
            var isTaken = receiver.take(header: "HTTP/1.1 200 OK\r\n")
            var start = 0
            while isTaken, start < bytes.count {
                let end = min(start + answers.size, bytes.count)
                isTaken = bytes.withUnsafeBytes {
                    receiver.take(body: UnsafeRawBufferPointer(rebasing: $0[start..<end]))
                }
                start = end
            }
            return HTTPOutcome(ending: isTaken ? .whole : .stopped, status: 200, message: "")
        }
    }
}
