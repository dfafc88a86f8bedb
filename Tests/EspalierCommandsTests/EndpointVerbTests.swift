import ArgumentParser
import Endpoint
import Evaluation
import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Watch

@testable import EspalierCommands
@testable import EspalierKit

/// Verbs that measure what a server serves, against a server on this machine that computes with the same files.
struct EndpointVerbTests {
    private let folder: TemporaryFolder
    private let text: String

    init() throws {
        folder = try model()
        text = try folder.write(
            "text.txt", String(repeating: "Now is the winter of our discontent made glorious summer. ", count: 4))
    }

    private func settings(_ server: LoopbackServer, timeout: Double = 60) throws -> EndpointSettings {
        EndpointSettings(
            address: try EndpointAddress(server.url), timeout: timeout, retry: RetryPolicy(attempts: 1, pause: 0.01))
    }

    private func served(
        _ model: ServedModel, _ change: (inout ServedEvaluationRun) -> Void = { _ in }
    ) throws -> (report: EvaluationReport, requests: Int) {
        let server = try model.start()
        defer { server.end() }
        var run = ServedEvaluationRun(
            endpoint: try settings(server), tokenizer: folder.path, files: [.text(text)], context: 48)
        change(&run)
        return (try run.measure(quiet), server.requests.count)
    }

    private func own(_ change: (inout EvaluationRun) -> Void = { _ in }) throws -> EvaluationReport {
        var run = EvaluationRun(
            model: folder.path, files: [.text(text)], context: 48,
            engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32))
        change(&run)
        return try run.measure(quiet)
    }

    private func fault(_ body: () throws -> Void) -> Fault? { #expect(throws: Fault.self) { try body() } }

    // MARK: evaluate

    @Test(arguments: [ServedModel.Program.vllm, .openAI], [false, true])
    func perplexityIsThatOfTheOwnEngine(program: ServedModel.Program, bos: Bool) throws {
        let found = try served(ServedModel(path: folder.path, program: program)) { $0.bos = bos }.report
        let expected = try own { $0.bos = bos }
        let (mine, theirs) = (try #require(found.files.first), try #require(expected.files.first))
        #expect(abs(mine.measurement.perplexity / theirs.measurement.perplexity - 1) < 1e-4)
        #expect(mine.measurement.scoredTokens == theirs.measurement.scoredTokens && mine.measurement.windows > 3)
        #expect(found.tokenDigests == expected.tokenDigests && found.tokenizerDigest == expected.tokenizerDigest)
        let json = try #require(found.json.objectValue)
        #expect(json["model"]?.stringValue == "tiny")
        #expect(
            json["endpoint"]?.objectValue?["scored_by"]?.stringValue == (program == .vllm ? "prompt_logprobs" : "echo"))
        #expect(json["environment"]?.objectValue?["torch"] == nil)
        #expect(found.text.contains("perplexity"))
    }

    @Test func aServerThatTakesTextsOnlyIsScoredWithBOS() throws {
        let found = try served(ServedModel(path: folder.path, program: .llamaCppPython)) { $0.bos = true }.report
        let measurement = try #require(found.files.first).measurement
        // It gives the first token after BOS no log-probability.
        #expect(measurement.scoredTokens == measurement.windows * 46)
        let expected = try #require(try own { $0.bos = true }.files.first).measurement
        #expect(abs(measurement.perplexity / expected.perplexity - 1) < 0.05)
        #expect(found.text.contains("tells nothing of the token after it"))
        // Without BOS its values are those of the next place, which is noticed.
        let fault = fault { _ = try served(ServedModel(path: folder.path, program: .llamaCppPython)) }
        #expect(fault?.kind == .badData && fault?.found?.contains("next place") == true)
        #expect(fault?.advice?.contains("--bos") == true)
    }

    @Test(arguments: [
        ServedModel.Lie.fewerTokens, .positive, .notANumber, .otherIDs, .firstIsScored, .allAlike, .shifted, .onlyOwn,
    ])
    func aServerThatLiesIsRefusedBeforeAnyText(lie: ServedModel.Lie) throws {
        let server = try ServedModel(path: folder.path, lie: lie).start()
        defer { server.end() }
        let run = ServedEvaluationRun(
            endpoint: try settings(server), tokenizer: folder.path, files: [.text(text)], context: 48)
        let fault = fault { _ = try run.measure(quiet) }
        #expect(fault?.kind == .badData && fault?.place?.hasSuffix("/v1/completions") == true)
        // Two prompts in each of three forms at most.
        #expect(server.requests.count { $0.method == "POST" } <= 6)
    }

    @Test(arguments: [ServedModel.Lie.fewerTokens, .positive, .notANumber, .otherIDs, .firstIsScored])
    func aServerThatBeginsToLieIsNoticed(lie: ServedModel.Lie) throws {
        let fault = fault { _ = try served(ServedModel(path: folder.path, lie: lie, truths: 3)) }
        #expect(fault?.kind == .badData && fault?.place?.hasSuffix("/v1/completions") == true)
    }

    @Test func llamaCppIsToldByName() throws {
        let server = try ServedModel(path: folder.path, program: .llamaCpp).start()
        defer { server.end() }
        let run = ServedEvaluationRun(
            endpoint: try settings(server), tokenizer: folder.path, files: [.text(text)], context: 48)
        let fault = fault { _ = try run.measure(quiet) }
        #expect(fault?.kind == .badData && fault?.summary.contains("llama.cpp") == true)
        #expect(fault?.advice?.contains("benchmark --endpoint") == true)
        #expect(server.requests.allSatisfy { $0.method == "GET" })
    }

    @Test func windowsLeaveRoomForTheTokenThatIsWritten() throws {
        var told: [String] = []
        let server = try ServedModel(path: folder.path, contextLength: 40).start()
        defer { server.end() }
        let reporter = ProgressReporter(
            level: .normal,
            surroundings: .init(
                isTerminal: false, style: Style(usesColour: false), width: { 200 }, clock: { 0 },
                write: { told.append($0) }))
        var run = ServedEvaluationRun(endpoint: try settings(server), tokenizer: folder.path, files: [.text(text)])
        let report = try run.measure(reporter)
        #expect(report.files.first?.measurement.context == 39)
        #expect(told.joined().contains("--context 39"))
        run.context = 40
        #expect(fault { _ = try run.measure(quiet) }?.kind == .usage)
    }

    @Test(arguments: [ServedModel.Program.vllm, .openAI])
    func tasksHaveTheLikelihoodsOfTheOwnEngine(program: ServedModel.Program) throws {
        let items = (1...3).map { #"{"query": "Q: \#($0)?", "choices": ["one", "four", "e"], "gold": 0}"# + "\n" }
        try folder.write("items.jsonl", items.joined())
        let task = try folder.write(
            "own.yaml", "name: own\ndata: items.jsonl\nprompt: '{{query}}'\nchoices: choices\nanswer: gold\n")
        var tasks = TaskSettings()
        tasks.files = [task]
        let found = try served(ServedModel(path: folder.path, program: program)) { run in
            run.files = []
            run.tasks = tasks
        }.report
        let expected = try own { run in
            run.files = []
            run.context = nil
            run.tasks = tasks
        }
        let (mine, theirs) = (try #require(found.tasks?.tasks.first), try #require(expected.tasks?.tasks.first))
        for (score, other) in zip(mine.scores.items, theirs.scores.items) {
            #expect(score.predicted == other.predicted && score.likelihoods.count == 3)
            for (left, right) in zip(score.likelihoods, other.likelihoods) {
                #expect(abs(left.logProbability - right.logProbability) < 1e-3 && left.isGreedy == right.isGreedy)
            }
        }
        #expect(found.json.objectValue?["results"]?.objectValue?["own"] != nil)
    }

    @Test func promptsHaveThePerplexityOfTheOwnEngine() throws {
        let log = try folder.write(
            "log.jsonl",
            #"{"prompt": "The capital of France", "completion": " is Paris."}"# + "\n" + #"{"text": "A line."}"# + "\n")
        let found = try served(ServedModel(path: folder.path)) { run in
            run.files = []
            run.prompts = [log]
        }.report
        let expected = try own { run in
            run.files = []
            run.context = nil
            run.against = folder.path
            run.prompts = PromptSettings(files: [log], differences: 0)
        }
        let (mine, theirs) = (try #require(found.promptLosses.first), try #require(expected.prompts?.logs.first))
        #expect(mine.tokens == theirs.total.tokens && mine.tokenDigest == theirs.tokenDigest)
        #expect(abs(mine.meanLoss - theirs.total.meanLoss) < 1e-4)
        let json = found.json.objectValue?["prompts"]?.objectValue?["log.jsonl"]?.objectValue
        #expect(json?["perplexity"] != nil && json?["kl"] == nil)
        #expect(found.text.contains("log.jsonl"))
    }

    @Test(arguments: [
        ["--endpoint", "http://h"], ["--endpoint", "http://h", "--tokenizer", "t"],
        ["model", "--endpoint", "http://h", "--tokenizer", "t", "--text", "x.txt"],
        ["model", "--tokenizer", "t", "--text", "x.txt"], ["model", "--model", "m", "--text", "x.txt"],
        ["--text", "x.txt"], ["model", "--timeout", "1", "--text", "x.txt"],
        ["--endpoint", "http://h", "--tokenizer", "t", "--text", "x.txt", "--against", "dense"],
        ["--endpoint", "http://h", "--tokenizer", "t", "--text", "x.txt", "--dtype", "float32"],
        ["--endpoint", "http://h", "--tokenizer", "t", "--prompts", "x.jsonl", "--differences", "3"],
        ["--endpoint", "http://h", "--tokenizer", "t", "--text", "x.txt", "--concurrency", "0"],
    ])
    func optionsThatDoNotBelongTogetherAreRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try Evaluate.parse(arguments) }
    }

    // MARK: benchmark

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

    // MARK: watch

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
