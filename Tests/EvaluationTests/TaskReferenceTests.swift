import Checkpoints
import Decoders
import Evaluation
import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

@testable import Tasks

/// What lm-evaluation-harness said, stored by Interop/make_task_fixtures.py.
private struct Reference {
    let folder: String
    let json: JSONObject

    init(_ name: String) throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        folder = url.appendingPathComponent("Tasks").path
        json = try #require(
            try JSONValue(parsing: Data(contentsOf: url.appendingPathComponent(name))).objectValue)
    }
}

/// A model with what scoring tasks needs.
private struct Scorer {
    let decoder: Decoder
    var encoder: RequestEncoder
    var evaluation: LikelihoodEvaluation

    init(_ path: String, prefix: Int32) throws {
        let checkpoint = try Checkpoint.open(path)
        decoder = try Decoder(checkpoint)
        let tokenizer = try Tokenizer(parsing: try #require(try checkpoint.tokenizerJSON()))
        encoder = RequestEncoder(tokenizer, prefix: prefix, contextLength: decoder.configuration.contextLength)
        evaluation = LikelihoodEvaluation(decoder, dtype: .float32)
    }

    mutating func answers(_ task: LoadedTask) throws -> [[Likelihood]] {
        let requests = try task.requests(&encoder)
        return try evaluation.measure(requests)
    }
}

/// Compares a task's figures and every item's log-likelihoods with the reference's.
private func compare(_ task: LoadedTask, _ answers: [[Likelihood]], with reference: JSONObject) throws {
    let scores = TaskScores(task, answers)
    let name = task.name
    let samples = try #require(reference["samples"]?.objectValue?[name]?.arrayValue)
    try #require(samples.count == task.items.count)
    for (index, sample) in samples.enumerated() {
        let object = try #require(sample.objectValue)
        if let arguments = object["arguments"]?.arrayValue {
            let expected = arguments.map { ($0.arrayValue ?? []).compactMap(\.stringValue) }
            if case .text(let text, _, _) = task.items[index] {
                #expect(expected == [[text]])
            } else {
                let asked = task.textRequests(index).map { [$0.context, $0.continuation] }
                #expect(asked == expected, "\(name), item \(index)")
                #expect(zip(asked.joined(), expected.joined()).allSatisfy { $0.utf8.elementsEqual($1.utf8) })
            }
        }
        let responses = try #require(object["resps"]?.arrayValue).compactMap(\.arrayValue)
        let found = scores.items[index].likelihoods
        try #require(responses.count == found.count)
        for (response, likelihood) in zip(responses, found) {
            let value = try #require(response[0].doubleValue)
            #expect(abs(likelihood.logProbability - value) < max(1e-4, abs(value) * 1e-6), "\(name), item \(index)")
            if response.count > 1 { #expect(likelihood.isGreedy == response[1].boolValue) }
        }
    }
    let results = try #require(reference["results"]?.objectValue?[name]?.objectValue)
    try #require(results.count == 2 * scores.values.count)
    for found in scores.values {
        let key = found.metric.rawValue
        let value = try #require(results["\(key),none"]?.doubleValue)
        if found.metric.higherIsBetter {
            #expect(found.value == value, "\(name) \(key)")
        } else {
            #expect(abs(found.value - value) < 1e-5 * value, "\(name) \(key)")
        }
        let error = results["\(key)_stderr,none"]
        if let error = error?.doubleValue {
            #expect(abs(try #require(found.standardError) - error) <= 1e-5 * error, "\(name) \(key)")
        } else {
            #expect(found.standardError == nil && error?.stringValue == "N/A")
        }
    }
    #expect(reference["versions"]?.objectValue?[name]?.doubleValue == task.definition.version)
}

struct TaskReferenceTests {
    /// The model of the fixtures begins a text with this token.
    private static let prefix: Int32 = 256

    /// The fixture's subject under the name of one of MMLU's.
    private static func withSubject(_ reference: Reference, _ subjects: [String]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for part in ["test", "dev"] {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + part, withIntermediateDirectories: true)
            for subject in subjects {
                try FileManager.default.copyItem(
                    atPath: "\(reference.folder)/mmlu/\(part)/subject_\(part).csv",
                    toPath: "\(folder.path)/\(part)/\(subject)_\(part).csv")
            }
        }
        return folder
    }

    @Test(arguments: [0, 2])
    func promptsLikelihoodsAndFiguresAreThoseOfTheHarness(shots: Int) throws {
        let reference = try Reference("Tasks/expected.json")
        let subject = try TaskReferenceTests.withSubject(reference, ["anatomy"])
        let expected = try #require(reference.json["\(shots)"]?.objectValue)
        var scorer = try Scorer(reference.folder + "/model", prefix: TaskReferenceTests.prefix)
        let names = try #require(expected["results"]?.objectValue).keys
        #expect(names.count == (shots == 0 ? 12 : 10))
        let own = names.contains("own") ? [try TaskFile.read(reference.folder + "/own.yaml")] : []
        for definition in try TaskCatalogue.resolve(names.filter { $0 != "own" }).tasks + own {
            let task = try LoadedTask(definition, folders: [reference.folder, subject.path], shots: shots)
            #expect(task.warnings.isEmpty)
            try compare(task, try scorer.answers(task), with: expected)
            #expect(task.originalCount == task.items.count)
        }
    }

    @Test func aGroupsFigureIsThatOfTheHarness() throws {
        let reference = try Reference("Tasks/expected.json")
        let (tasks, groups) = try TaskCatalogue.resolve(["mmlu"])
        #expect(tasks.count == 57 && groups.count == 5)
        let folder = try TaskReferenceTests.withSubject(reference, tasks.map { String($0.name.dropFirst(5)) })
        var scorer = try Scorer(reference.folder + "/model", prefix: TaskReferenceTests.prefix)
        var scores: [String: TaskScores] = [:]
        for definition in tasks {
            let task = try LoadedTask(definition, folders: [folder.path])
            scores[task.name] = TaskScores(task, try scorer.answers(task))
        }
        let expected = try #require(reference.json["mmlu"]?.objectValue?["results"]?.objectValue)
        #expect(Set(expected.keys) == Set(groups.map(\.name)))
        for group in groups {
            let found = try #require(group.accuracy(scores))
            let figures = try #require(expected[group.name]?.objectValue)
            #expect(abs(found.value - (try #require(figures["acc,none"]?.doubleValue))) < 1e-15)
            let error = try #require(figures["acc_stderr,none"]?.doubleValue)
            #expect(abs(try #require(found.standardError) - error) < 1e-15)
        }
    }

    @Test func batchesAndGroupsOfBatchesChangeNothing() throws {
        let reference = try Reference("Tasks/expected.json")
        var scorer = try Scorer(reference.folder + "/model", prefix: TaskReferenceTests.prefix)
        let task = try LoadedTask(PIQA.definition, folders: [reference.folder], shots: 2)
        let whole = try scorer.answers(task)
        scorer.evaluation.batchTokens = 1
        scorer.evaluation.streamBytes = 1
        scorer.evaluation.scoredBytes = 3 * 4 * scorer.decoder.configuration.hiddenSize
        var steps: [Double] = []
        let apart = try scorer.evaluation.measure(try task.requests(&scorer.encoder)) { steps.append($0) }
        #expect(steps == steps.sorted() && steps.last == 1)
        for (a, b) in zip(whole.joined(), apart.joined()) {
            #expect(abs(a.logProbability - b.logProbability) < 1e-4 && a.isGreedy == b.isGreedy)
        }
    }

    @Test func bfloat16IsCloseToFloat32() throws {
        let reference = try Reference("Tasks/expected.json")
        var scorer = try Scorer(reference.folder + "/model", prefix: TaskReferenceTests.prefix)
        let task = try LoadedTask(ScienceQuestions.easy, folders: [reference.folder])
        let exact = try scorer.answers(task).flatMap { $0.map(\.logProbability) }
        scorer.evaluation = LikelihoodEvaluation(scorer.decoder, dtype: .bfloat16)
        let rounded = try scorer.answers(task).flatMap { $0.map(\.logProbability) }
        #expect(zip(exact, rounded).allSatisfy { abs($0 - $1) < 0.05 * abs($0) + 0.2 })
        #expect(exact != rounded)
    }

    @Test(
        .enabled(
            if: TestData.path("data/tasks") != nil && TestData.path("models/stories260K/hf") != nil,
            "needs ESPALIER_TEST_DATA"))
    func realSetsWithATrainedModelAreScoredAsByTheHarness() throws {
        let reference = try Reference("real-tasks.json")
        let data = try #require(TestData.path("data/tasks"))
        let model = try #require(TestData.path("models/stories260K/hf"))
        var scorer = try Scorer(model, prefix: 1)
        let count = try #require(reference.json["count"]?.integerValue)
        let names = try #require(reference.json["results"]?.objectValue).keys
        #expect(names.count == 9)
        for definition in try TaskCatalogue.resolve(names).tasks {
            let task = try LoadedTask(definition, folders: [data], limit: count)
            try compare(task, try scorer.answers(task), with: reference.json)
        }
    }
}
