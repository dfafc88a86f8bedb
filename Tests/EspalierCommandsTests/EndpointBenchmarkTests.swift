import Endpoint
import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// `benchmark` of what a server serves.
struct EndpointBenchmarkTests: ServedSuite {
    let folder: TemporaryFolder
    let text: String

    init() throws { (folder, text) = try EndpointBenchmarkTests.made() }

    @Test(arguments: [
        (Int.max, "cannot be"), (-1, "cannot be"), (1, "fewer tokens than a prompt can have"),
    ])
    func aServerThatMiscountsPromptsIsAnError(count: Int, summary: String) throws {
        let server = try LoopbackServer { request in
            guard request.method == "POST" else { return .answer(200, body: #"{"data": [{"id": "tiny"}]}"#) }
            let isStream = (try? JSONValue(parsing: request.body))?.objectValue?["stream"]?.boolValue == true
            let event = "data: {\"choices\": [{\"text\": \"a\"}]}\n\n"
            return isStream
                ? .stream([(0, event), (0.02, event), (0, "data: [DONE]\n\n")])
                : .answer(200, body: #"{"choices": [{"text": "a"}], "usage": {"prompt_tokens": \#(count)}}"#)
        }
        defer { server.end() }
        let fault = fault {
            _ = try ServedBenchmarkRun(
                endpoint: try settings(server), prompts: [512], batches: [1], newTokens: 4, repeats: 1
            ).measure(quiet)
        }
        #expect(fault?.kind == .badData && fault?.summary.contains(summary) == true)
        // No prompt grew without end.
        #expect(server.requests.allSatisfy { $0.body.count < 100_000 })
    }

    @Test(arguments: [Int.min, -1, 0, 1, Int.max])
    func aRoomThatCannotBeIsNotBelieved(room: Int) throws {
        let found = try served(ServedModel(path: folder.path, contextLength: room)).report
        #expect(found.files.first?.measurement.context == 48)
    }

    @Test func streamsOfTwoServersAreCompared() throws {
        let fast = try ServedModel(path: folder.path, program: .llamaCpp, pause: 0.02).start()
        let slow = try ServedModel(path: folder.path, program: .llamaCpp, pause: 0.04).start()
        defer {
            fast.end()
            slow.end()
        }
        let report = try ServedBenchmarkRun(
            endpoint: try settings(fast), against: try settings(slow), prompts: [8], batches: [1, 3], newTokens: 6,
            repeats: 2
        ).measure(quiet)
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        #expect(json["endpoint"]?.objectValue?["url"]?.stringValue == fast.url + "/v1")
        #expect(json["against"]?.objectValue?["endpoint"]?.objectValue?["url"]?.stringValue == slow.url + "/v1")
        #expect(json["parameters"]?.isNull == true && json["size_ratio"] == nil)
        let ratios = try #require(json["ratios"]?.arrayValue)
        #expect(ratios.count == 2)
        // How fast is another question, on a machine that does other things too.
        for (speedCase, ratio) in zip(report.cases, ratios) {
            let first = try #require(report.model.timeToFirstToken(speedCase)?.median)
            let other = try #require(report.against?.timeToFirstToken(speedCase)?.median)
            #expect(first > 0 && other > 0.02)
            #expect(abs((ratio.objectValue?["time_to_first_token"]?.doubleValue ?? 0) / (other / first) - 1) < 1e-9)
        }
        #expect(report.text.contains("ratio") && !report.text.contains("weight files"))
        // No two prompts begin alike, so that nothing is read from a cache.
        let prompts = fast.requests.compactMap { try? JSONValue(parsing: $0.body).objectValue?["prompt"]?.stringValue }
        let timed = prompts.dropFirst(4)
        #expect(Set(timed.map { $0.split(separator: " ").prefix(4).joined() }).count > timed.count / 2)
    }

    @Test func speedIsThatOfAllStreamsTogether() {
        let start = ContinuousClock.now
        func stream(_ first: Double, _ last: Double, _ tokens: Int) -> StreamedCompletion {
            StreamedCompletion(
                first: start + .seconds(first), last: start + .seconds(last), sent: start, tokens: tokens,
                promptTokens: nil)
        }
        let sample = ServedBenchmarkRun.sample(of: [stream(1, 3, 5), stream(2, 4, 9), stream(6, 6.5, 3)])
        // 4, 8 and 2 tokens after the first ones, from second 1 to 6.5.
        #expect(abs(sample.timeToFirstToken - 2) < 1e-9 && abs(sample.decodeTokensPerSecond - 14 / 5.5) < 1e-9)
    }

    @Test func aServerThatEndsAStreamEarlyIsAnError() throws {
        let server = try LoopbackServer { request in
            request.method == "GET"
                ? .answer(200, body: #"{"data": [{"id": "tiny"}]}"#)
                : .stream([(0, "data: {\"choices\": [{\"text\": \"a\"}]}\n\n")])
        }
        defer { server.end() }
        let fault = fault {
            _ = try ServedBenchmarkRun(
                endpoint: try settings(server), prompts: [8], batches: [1], newTokens: 4, repeats: 1
            ).measure(quiet)
        }
        #expect(fault?.kind == .inputOutput && fault?.summary == "the server's stream ended early")
    }
}
