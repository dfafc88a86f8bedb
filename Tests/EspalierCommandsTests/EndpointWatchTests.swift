import ArgumentParser
import Endpoint
import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Watch

@testable import EspalierCommands
@testable import EspalierKit

/// `watch` of what a server serves.
struct EndpointWatchTests: ServedSuite {
    let folder: TemporaryFolder
    let text: String

    init() throws { (folder, text) = try EndpointWatchTests.made() }

    private func watched(
        _ served: String, _ program: ServedModel.Program, reference: String, history: String, prompts: String? = nil,
        golden: GoldenWatch? = nil, isNewBaseline: Bool = false, change: (inout ServedModel) -> Void = { _ in }
    ) throws -> WatchRun.Report {
        var model = ServedModel(path: served, program: program)
        change(&model)
        let server = try model.start()
        defer { server.end() }
        return try ServedWatchRun(endpoint: try settings(server), tokenizer: folder.path).watch(
            reference: reference, history: history, prompts: prompts, golden: golden, alpha: 0.01,
            isNewBaseline: isNewBaseline, time: "2026-01-01T00:00:00Z", quiet)
    }

    private func reference() throws -> String {
        let prompts = try folder.write("reference.jsonl", #"{"text": "A line of text."}"# + "\n")
        let reference = folder.path + "/golden-reference.safetensors"
        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        _ = try WatchRun(model: folder.path, engine: engine).writeReference(
            to: reference, prompts: prompts, topCount: 8, quiet)
        return reference
    }

    /// Golden prompts that the folder's model answers as expected, but for the last.
    private func golden(_ count: Int = 3) throws -> GoldenWatch {
        let questions = ["The capital", "One and one", "A line", "Winter is", "No: "].prefix(count)
        let asked = questions.map { #"{"prompt": "\#($0)", "expected": "x"}"# }.joined(separator: ", ")
        let file = try folder.write("asked.json", #"{"version": 1, "prompts": [\#(asked)]}"#)
        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        let answers = try GoldenRun(model: folder.path, golden: file, maxTokens: 4, engine: engine).answers(quiet).json
        let prompts = (answers.objectValue?["prompts"]?.arrayValue ?? []).enumerated().map { index, prompt in
            var prompt = prompt.objectValue ?? JSONObject()
            prompt["name"] = .string("number \(index + 1)")
            prompt["expected"] = index + 1 < count ? prompt["answer"] ?? .null : .string("never said")
            prompt["answer"] = nil
            return JSONValue.object(prompt)
        }
        let text = JSONValue.object(["version": .integer(1), "prompts": .array(prompts)]).text()
        return GoldenWatch(file: try folder.write("golden.json", text), maxTokens: 4)
    }

    @Test(arguments: [ServedModel.Program.vllm, .llamaCpp])
    func aServerAnswersGoldenPrompts(program: ServedModel.Program) throws {
        let (reference, golden, history) = (try reference(), try golden(), folder.path + "/golden.jsonl")
        let found = try watched(folder.path, program, reference: reference, history: history, golden: golden)
        // As the files do, and `generate --golden`.
        #expect(found.interval.golden?.held == 2 && found.interval.golden?.prompts == 3)
        #expect(found.interval.golden?.failed == [.init(number: 3, name: "number 3")])
        // What was wrong from the begin is no change.
        #expect(
            !found.drift.isAlarm && found.text(hasReasons: true).contains("2 of 3 answered as expected; not: number 3"))
        #expect(try WatchHistory.read(history).map(\.golden) == [found.interval.golden])
        let json = found.json.objectValue?["golden"]?.objectValue
        #expect(json?["held"]?.integerValue == 2 && json?["prompts"]?.integerValue == 3)
        // Another model answers otherwise, at once an alarm, which stays when the server is repaired.
        let other = try model { $0.seed = 2 }
        let broken = try watched(other.path, program, reference: reference, history: history, golden: golden)
        #expect(broken.drift.isAlarm && broken.drift.brokenAnswers?.names == ["number 1", "number 2"])
        #expect(
            broken.text(hasReasons: true).contains("ALARM: golden prompts that were answered as expected no longer"))
        let repaired = try watched(folder.path, program, reference: reference, history: history, golden: golden)
        #expect(repaired.drift.isAlarm && repaired.interval.golden?.held == 2)
        let anew = try watched(
            folder.path, program, reference: reference, history: history, golden: golden, isNewBaseline: true)
        #expect(!anew.drift.isAlarm)
        // Other prompts, or answers of another length, belong to another baseline; none at all may be left out.
        for changed in [try self.golden(4), GoldenWatch(file: golden.file, maxTokens: 5)] {
            let mixed = fault {
                _ = try watched(folder.path, program, reference: reference, history: history, golden: changed)
            }
            #expect(mixed?.kind == .notComparable && mixed?.file == history && mixed?.place == "line 4")
        }
        #expect(try watched(folder.path, program, reference: reference, history: history).interval.golden == nil)
    }

    /// What comes in place of a completion.
    enum Trouble: CaseIterable, Sendable {
        case page
        case failure
        case half
        case nothing
        case otherDocument
        case noText

        var reply: LoopbackServer.Reply {
            switch self {
            case .page: .answer(200, body: "<!doctype html><p>It works!")
            case .failure: .answer(500, body: "<h1>Oops</h1>")
            case .half: .cut(body: #"{"choices": [{"te"#, promised: 400)
            case .nothing: .silence
            case .otherDocument: .answer(200, body: "[1, 2]")
            case .noText: .answer(200, body: #"{"choices": [{"text": null}, {}]}"#)
            }
        }

        var kind: Fault.Kind { [.failure, .half, .nothing].contains(self) ? .inputOutput : .badData }
    }

    @Test(arguments: Trouble.allCases) func aServerInTroubleIsNoInterval(_ trouble: Trouble) throws {
        let (reference, golden, history) = (try reference(), try golden(), folder.path + "/trouble.jsonl")
        let server = try LoopbackServer { request in
            request.method == "GET" ? .answer(200, body: #"{"data": [{"id": "tiny"}]}"#) : trouble.reply
        }
        defer { server.end() }
        let endpoint = try settings(server, timeout: 0.5)
        let watching = fault {
            _ = try ServedWatchRun(endpoint: endpoint, tokenizer: folder.path).watch(
                reference: reference, history: history, prompts: nil, golden: golden, alpha: 0.01,
                isNewBaseline: false, time: "2026-01-01T00:00:00Z", quiet)
        }
        #expect(watching?.kind == trouble.kind && watching?.place?.hasSuffix("/v1/completions") == true)
        #expect(!FileManager.default.fileExists(atPath: history))
        let evaluating = fault {
            _ = try ServedEvaluationRun(
                endpoint: endpoint, tokenizer: folder.path, files: [.text(text)], context: 48
            ).measure(quiet)
        }
        #expect(evaluating?.kind == trouble.kind && evaluating?.place?.hasSuffix("/v1/completions") == true)
    }

    @Test func theModelsFilesAnswerGoldenPromptsToo() throws {
        let (reference, golden) = (try reference(), try golden())
        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        let found = try WatchRun(model: folder.path, engine: engine).watch(
            reference: reference, history: folder.path + "/own.jsonl", prompts: nil, golden: golden, alpha: 0.01,
            isNewBaseline: false, time: "2026-01-01T00:00:00Z", quiet)
        let served = try watched(
            folder.path, .vllm, reference: reference, history: folder.path + "/served.jsonl", golden: golden)
        #expect(found.interval.golden?.held == 2 && found.interval.golden == served.interval.golden)
    }

    @Test func aServerThatTakesTextsOnlyIsAskedByTexts() throws {
        let (reference, golden) = (try reference(), try golden())
        let server = try ServedModel(path: folder.path, program: .llamaCppPython).start()
        defer { server.end() }
        let opened = try OpenedModel(folder.path)
        let answered = try ServedGoldenAnswers(
            server: try settings(server).connect(quiet), opened: opened, settings: golden, concurrency: 2
        ).answers(try golden.read(), quiet)
        let sent = server.requests.compactMap { try? JSONValue(parsing: $0.body).objectValue?["prompt"]?.stringValue }
        #expect(Set(sent) == ["The capital", "One and one", "A line"])
        #expect(
            answered.json.objectValue?["prompts"]?.arrayValue?.allSatisfy { $0.objectValue?["answer"] != nil } == true)
        _ = reference
    }

    @Test func goldenPromptsThatCannotBeAskedAreRefused() throws {
        let (reference, golden, history) = (try reference(), try golden(), folder.path + "/none.jsonl")
        func watch(_ golden: GoldenWatch, _ change: (inout ServedModel) -> Void = { _ in }) -> Fault? {
            fault {
                _ = try watched(
                    folder.path, .vllm, reference: reference, history: history, golden: golden, change: change)
            }
        }
        let long = watch(GoldenWatch(file: golden.file, maxTokens: 60)) { $0.contextLength = 64 }
        #expect(long?.kind == .notComparable && long?.place == "prompts[0]" && long?.file == golden.file)
        let none = try folder.write("none.json", #"{"prompts": []}"#)
        #expect(watch(GoldenWatch(file: none))?.kind == .badData)
        let useless = try folder.write("useless.json", #"{"prompts": [{"prompt": "a", "expected": ""}]}"#)
        #expect(watch(GoldenWatch(file: useless))?.place == "prompts[0].expected")
        // A server that writes on is no one to hold answers against.
        let wordy = watch(golden) { $0.lie = .wordy }
        #expect(wordy?.kind == .badData && wordy?.summary == "the server wrote more than it was asked for")
        #expect(!FileManager.default.fileExists(atPath: history))
    }

    @Test(arguments: [ServedModel.Program.vllm, .openAI, .llamaCpp])
    func aServerIsWatchedAgainstTheDenseModel(program: ServedModel.Program) throws {
        let log = try folder.write(
            "prompts.jsonl",
            #"{"prompt": "The capital", "completion": " is Paris."}"# + "\n" + #"{"text": "A line of text."}"# + "\n")
        let reference = folder.path + "/reference.safetensors"
        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        let written = try WatchRun(model: folder.path, engine: engine).writeReference(
            to: reference, prompts: log, topCount: 64, quiet)
        let (same, other) = (folder.path + "/same.jsonl", folder.path + "/other.jsonl")
        let isScored = program == .vllm
        let found = try watched(
            folder.path, program, reference: reference, history: same, prompts: isScored ? log : nil)
        #expect(abs(found.interval.kl) < 1e-5)
        #expect(found.interval.dtype == (isScored ? "served log-probabilities" : "served answers"))
        #expect(found.interval.positions == (isScored ? written.reference.positions : found.interval.positions))
        #expect((found.interval.logged?.tokens == 24) == isScored)
        let changed = try model { $0.seed = 2 }
        let drifted = try watched(changed.path, program, reference: reference, history: other)
        #expect(drifted.interval.kl > 0.01 && drifted.interval.topAgreement < found.interval.topAgreement)
        // What a server says and what our own engine computes are no one series.
        let mixed = fault {
            _ = try WatchRun(model: folder.path, engine: engine).watch(
                reference: reference, history: same, prompts: nil, alpha: 0.01, isNewBaseline: false,
                time: "2026-01-01T01:00:00Z", quiet)
        }
        #expect(mixed?.kind == .notComparable)
    }

    @Test(arguments: [
        ["--endpoint", "http://h", "--tokenizer", "t", "--write-reference", "r", "--prompts", "p"],
        ["--endpoint", "http://h", "--reference", "r", "--history", "h"],
        ["model", "--endpoint", "http://h", "--tokenizer", "t", "--reference", "r", "--history", "h"],
        ["--reference", "r", "--history", "h"],
        ["model", "--reference", "r", "--history", "h", "--max-tokens", "3"],
        ["model", "--reference", "r", "--history", "h", "--golden", "g", "--max-tokens", "0"],
        ["model", "--write-reference", "r", "--prompts", "p", "--golden", "g"],
    ])
    func watchNeedsAModelOrAServer(arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try WatchCommand.parse(arguments) }
    }
}
