import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Torch

@testable import EspalierCommands
@testable import EspalierKit

/// `evaluate --tasks` on a model of a few thousand weights.
struct TaskVerbTests {
    private let folder: TemporaryFolder
    private let settings: TaskSettings

    init() throws {
        folder = try TemporaryFolder()
        try TinyModel().write(to: folder)
        let item = #"{"query": "Question: Why?", "choices": ["one", "four", "one"], "gold": 0}"# + "\n"
        try folder.write("arc_easy.jsonl", item + item + item)
        try folder.write("wiki.test.raw", " = A = \n \n Water is wet . \n")
        try folder.write(
            "own.yaml", "name: own\ndata: arc_easy.jsonl\nprompt: '{{query}}'\nchoices: choices\nanswer: gold\n")
        var settings = TaskSettings()
        settings.names = ["arc_easy", "wikitext"]
        settings.files = [folder.path + "/own.yaml"]
        settings.folders = [folder.path]
        settings.limit = 2
        self.settings = settings
    }

    private func report(
        _ settings: TaskSettings, model: String? = nil, against: String? = nil,
        told: @escaping (String) -> Void = { _ in }
    ) throws -> EvaluationReport {
        let reporter = ProgressReporter(
            level: .quiet,
            surroundings: .init(
                isTerminal: false, style: Style(usesColour: false), width: { 80 }, clock: { 0 }, write: told))
        return try EvaluationRun(
            model: model ?? folder.path, against: against, files: [], tasks: settings,
            engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        ).measure(reporter)
    }

    @Test func tasksGiveTheHarnesssKeys() throws {
        let report = try report(settings)
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        #expect(
            json.keys == [
                "model", "against", "perplexity", "divergence", "results", "configs", "versions", "n-shot",
                "higher_is_better", "n-samples", "config", "ties", "tokenizer_sha256", "environment", "date",
                "total_evaluation_time_seconds",
            ])
        #expect((json["date"]?.doubleValue ?? 0) > 1.7e9)
        #expect((json["total_evaluation_time_seconds"]?.stringValue).flatMap(Double.init) ?? 0 > 0)
        let configuration = try #require(json["config"]?.objectValue)
        #expect(configuration["limit"]?.integerValue == 2 && configuration["dtype"]?.stringValue == "float32")
        #expect(configuration["model_args"]?.objectValue?["pretrained"]?.stringValue == folder.path)
        let results = try #require(json["results"]?.objectValue)
        #expect(results.keys == ["arc_easy", "wikitext", "own"])
        let arc = try #require(results["arc_easy"]?.objectValue)
        #expect(
            arc.keys == ["alias", "acc,none", "acc_stderr,none", "acc_norm,none", "acc_norm_stderr,none"])
        #expect(results["wikitext"]?.objectValue?["word_perplexity_stderr,none"]?.stringValue == "N/A")
        #expect(
            json["n-samples"]?.objectValue?["arc_easy"]
                == .object(["original": .integer(3), "effective": .integer(2)]))
        #expect(json["versions"]?.objectValue?["wikitext"]?.doubleValue == 2)
        // The first and the last choice are the same text.
        let ties = json["ties"]?.objectValue?["arc_easy"]?.arrayValue ?? []
        let predictsTwin = arc["acc,none"]?.doubleValue == 1
        #expect(ties.isEmpty != predictsTwin)
        #expect(report.text.contains("arc_easy") && !report.text.contains("windows"))
    }

    @Test func everyItemsAnswersCanBeWritten() throws {
        let samples = try #require(try report(settings).tasks?.samples).split(separator: "\n")
        #expect(samples.count == 5)
        let first = try #require(try JSONValue(parsing: Array(samples[0].utf8)).objectValue)
        #expect(first["arguments"]?.arrayValue?[1] == .array([.string("Question: Why?\nAnswer:"), .string(" four")]))
        #expect(first["resps"]?.arrayValue?.count == 3 && first["target"]?.integerValue == 0)
        #expect(first["predicted"]?.integerValue != nil && first["place"]?.stringValue == "line 1")
        // Of "Question: Why?\nAnswer:" and of "0", by sha256sum.
        #expect(
            first["prompt_hash"]?.stringValue
                == "6ed64b52ce16a83c7ed4bae93fc0c08746134a6e81e1454ded62be814fe18b99")
        #expect(
            first["target_hash"]?.stringValue
                == "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9")
    }

    @Test func theDenseModelIsScoredOnTheSameItems() throws {
        let json = try #require(try report(settings, against: folder.path).json.objectValue)
        #expect(json["against_results"] == json["results"])
    }

    @Test func weightsThatAreNoNumbersGiveNoFigures() throws {
        let broken = try TemporaryFolder()
        var model = TinyModel()
        model.edit = { name, values in if name.contains("norm") { values[0] = .nan } }
        try model.write(to: broken)
        var messages = ""
        let report = try report(settings, model: broken.path) { messages += $0 }
        #expect(messages.contains("arc_easy: the predictions are NaN or infinite for 2 items"))
        #expect(report.json.objectValue?["results"]?.objectValue?["arc_easy"]?.objectValue?["acc,none"]?.isNull == true)
    }

    @Test func anAnswerLongerThanTheContextIsToldWithItsLine() throws {
        let data = try TemporaryFolder()
        let long = String(repeating: "x", count: 100)
        try data.write("arc_easy.jsonl", #"{"query": "q", "choices": ["a", ""# + long + #""], "gold": 0}"#)
        var settings = settings
        settings.files = []
        settings.names = ["arc_easy"]
        settings.folders = [data.path]
        let fault = try #require(throws: Fault.self) { try report(settings) }
        #expect(fault.place == "line 1" && fault.summary == "an answer is longer than the context")
        #expect(fault.file == data.path + "/arc_easy.jsonl")
    }

    @Test func twoTasksOfOneNameAreRefused() throws {
        var settings = settings
        settings.files += settings.files
        let fault = try #require(throws: Fault.self) { try report(settings) }
        #expect(fault.kind == .usage && fault.summary == "two tasks have the same name")
    }

    @Test func samplesDoNotReplaceAnInput() throws {
        let path = folder.path + "/own.yaml"
        var command = try Evaluate.parse([folder.path, "--task-file", path, "--samples", path])
        let fault = try #require(throws: Fault.self) { try command.run() }
        #expect(fault.kind == .usage && fault.summary == "--samples would replace an input")
    }
}
