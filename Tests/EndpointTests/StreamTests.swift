import Faults
import TestSupport
import Testing

@testable import Endpoint

struct StreamTests {
    private func events(_ parts: [String]) throws -> (data: [String], isWithin: Bool) {
        var stream = EventStream()
        var data: [String] = []
        for part in parts {
            try Array(part.utf8).withUnsafeBytes { bytes in
                try stream.append(bytes) { (event) throws(Fault) in data.append(String(decoding: event, as: UTF8.self))
                }
            }
        }
        return (data, stream.isWithinEvent)
    }

    @Test func eventsArePutTogetherFromAnyParts() throws {
        let text =
            ": comment\r\n\r\ndata: one\n\nevent: x\rdata:two\rdata: three\r\r\ndata: {\"a\": \"ü\"}\r\n\r\ndata: left"
        let whole = try events([text])
        #expect(whole.data == ["one", "two\nthree", "{\"a\": \"ü\"}"] && whole.isWithin)
        var stream = EventStream()
        var data: [String] = []
        for byte in text.utf8 {
            try withUnsafeBytes(of: byte) { bytes in
                try stream.append(bytes) { (event) throws(Fault) in data.append(String(decoding: event, as: UTF8.self))
                }
            }
        }
        #expect(data == whole.data)
        #expect(try events(["data: one\n\n"]).isWithin == false)
    }

    @Test func anEventWithoutEndIsBounded() throws {
        let fault = #expect(throws: Fault.self) {
            try events(Array(repeating: String(repeating: "x", count: 1 << 20), count: 5))
        }
        #expect(fault?.kind == .badData)
    }

    private func event(_ text: String, finish: String = "null") -> String {
        #"data: {"choices": [{"index": 0, "text": "\#(text)", "finish_reason": \#(finish)}]}"# + "\n\n"
    }

    private func completion(
        _ parts: [(pause: Double, text: String)], isWhole: Bool = true, newTokens: Int = 8
    ) throws -> StreamedCompletion {
        let server = try LoopbackServer { request in
            request.path.hasSuffix("/models")
                ? .answer(200, body: #"{"data": [{"id": "tiny"}]}"#) : .stream(parts, isWhole: isWhole)
        }
        defer { server.end() }
        let client = EndpointClient(
            try EndpointAddress(server.url), limits: .init(connect: 5, total: 20), retry: RetryPolicy(pause: 0.01))
        return try EndpointServer(client, model: nil).stream("x", newTokens: newTokens, extras: .unended)
    }

    @Test func aStreamIsClocked() throws {
        let found = try completion([
            (0.1, event("a")), (0.5, event("b") + event("c")), (0, event("", finish: "\"length\"")),
            (0, #"data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 4}}"# + "\n\n"),
            (0, "data: [DONE]\n\n"),
        ])
        #expect(found.tokens == 4 && found.promptTokens == 5)
        #expect(found.timeToFirstToken >= 0.1 && found.first < found.last)
        // Without a count of the server's own, the events are counted; that of the end is none.
        let counted = try completion([
            (0, event("a")), (0.5, event("b")), (0, event("", finish: "\"stop\"")), (0, "data: [DONE]\n\n"),
        ])
        #expect(counted.tokens == 2 && counted.promptTokens == nil)
    }

    @Test func aStreamThatEndsEarlyIsAnError() throws {
        for (parts, isWhole) in [([(0.0, event("a")), (0.0, event("b"))], true), ([(0.0, event("a"))], false)] {
            let fault = #expect(throws: Fault.self) { try completion(parts, isWhole: isWhole) }
            #expect(fault?.kind == .inputOutput)
        }
    }

    @Test(arguments: [
        ("data: <html>\n\n", Fault.Kind.badData), (#"data: {"error": {"message": "boom"}}"# + "\n\n", .inputOutput),
        ("data: [DONE]\n\n", .badData),
        (#"data: {"choices": [], "usage": {"completion_tokens": 900}}"# + "\n\ndata: [DONE]\n\n", .badData),
    ])
    func aStreamOfSomethingElseIsRefused(text: String, kind: Fault.Kind) throws {
        let fault = #expect(throws: Fault.self) { try completion([(0, text)]) }
        #expect(fault?.kind == kind && fault?.place?.hasSuffix("/v1/completions") == true)
    }

    @Test func theServerIsAskedWhatItIs() throws {
        func server(_ models: String, _ head: [String] = [], name: String? = nil) throws -> EndpointServer {
            let server = try LoopbackServer { request in
                switch request.path {
                case "/v1/models": .answer(200, body: models, headers: head)
                case "/version": .answer(200, body: #"{"version": "0.32.0"}"#)
                default: .answer(404, body: "")
                }
            }
            defer { server.end() }
            return try EndpointServer(EndpointClient(try EndpointAddress(server.url)), model: name)
        }
        let vllm = try server(#"{"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 512}]}"#)
        #expect(
            vllm.software == .vllm && vllm.version == "vLLM 0.32.0" && vllm.contextLength == 512 && vllm.model == "m")
        #expect(try server(#"{"data": [{"id": "m", "owned_by": "llamacpp"}]}"#).software == .llamaCpp)
        #expect(try server(#"{"data": [{"id": "m"}]}"#, ["Server: llama.cpp"]).software == .llamaCpp)
        let two = #"{"data": [{"id": "a", "owned_by": "vllm"}, {"id": "b"}]}"#
        #expect(try server(two, name: "b").model == "b")
        for (models, name, kind) in [
            (two, nil, Fault.Kind.usage), (two, "c", .missingInput), (#"{"data": []}"#, nil, .usage),
            ("[]", nil, .badData),
        ] {
            let fault = #expect(throws: Fault.self) { try server(models, name: name) }
            #expect(fault?.kind == kind)
        }
    }
}
