import ArgumentParser
import Endpoint
import Evaluation
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// `evaluate` of what a server serves, against what the same files give here.
struct EndpointVerbTests: ServedSuite {
    let folder: TemporaryFolder
    let text: String

    init() throws { (folder, text) = try EndpointVerbTests.made() }

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
}
