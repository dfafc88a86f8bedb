import ArgumentParser
import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Torch
import Watch

@testable import EspalierCommands
@testable import EspalierKit

/// `espalier watch` on a model of a few thousand weights.
struct WatchVerbTests {
    private let engine = ["--threads", "1", "--device", "cpu", "--dtype", "float32", "--quiet"]
    private let prompts = """
        {"prompt": "The capital of France", "completion": " is Paris."}
        {"text": "A line of text to be scored from its second token on."}
        {"prompt": "Short"}
        {"prompt": "", "completion": "x"}

        """

    private func exitCode(_ arguments: [String]) throws -> Int32 {
        var command = try WatchCommand.parse(arguments + engine)
        do {
            try command.run()
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch let fault as Fault { return fault.exitCode }
    }

    private func run(_ model: TemporaryFolder) throws -> WatchRun {
        WatchRun(model: model.path, engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32))
    }

    @Test func aModelHasNoDivergenceFromItsOwnReference() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let file = try folder.write("prompts.jsonl", prompts)
        let reference = folder.path + "/reference.safetensors"
        let written = try run(dense).writeReference(to: reference, prompts: file, topCount: 64, quiet)
        // The last prompt has one token, which nothing predicts.
        #expect(written.reference.prompts.count == 3 && written.reference.topCount == 64)
        #expect(written.reference.positions == 10 + 52 + 4)
        let report = try run(dense).watch(
            reference: reference, history: folder.path + "/history.jsonl", prompts: file, alpha: 0.01,
            isNewBaseline: false, time: "2026-01-01T00:00:00Z", quiet)
        #expect(abs(report.interval.kl) < 1e-6 && report.interval.topAgreement == 1)
        #expect(report.interval.logged?.prompts == 3 && report.interval.logged?.tokens == 66)
        #expect(!report.drift.isAlarm && report.count == 1)
        #expect(
            report.json.objectValue?.keys == [
                "version", "time", "model", "model_fingerprint", "reference_sha256", "dtype", "positions", "kl",
                "top1_agreement", "logged", "intervals", "drift", "environment",
            ])
    }

    @Test func thePerplexityOfLoggedPromptsIsThatOfEvaluate() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let text = String(repeating: "The quick brown fox. ", count: 3)
        let file = try folder.write("prompts.jsonl", "{\"text\": \"\(text)\"}\n")
        let reference = folder.path + "/reference.safetensors"
        _ = try run(dense).writeReference(to: reference, prompts: file, topCount: 300, quiet)
        let report = try run(dense).watch(
            reference: reference, history: folder.path + "/h", prompts: file, alpha: 0.01, isNewBaseline: false,
            time: "t", quiet)
        let evaluated = try EvaluationRun(
            model: dense.path, files: [.text(try folder.write("t.txt", text))], context: text.utf8.count,
            engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        ).measure(quiet)
        let loss = try #require(report.interval.logged?.meanLoss)
        #expect(abs(loss - evaluated.files[0].measurement.meanLoss) < 1e-5)
    }

    @Test func divergenceWithAllTokensIsThatOfEvaluate() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let pruned = try model { $0.edit = { name, values in if name.contains("mlp.up") { values[3] = 0 } } }
        let text = String(repeating: "The quick brown fox. ", count: 3)
        let file = try folder.write("prompts.jsonl", "{\"text\": \"\(text)\"}\n{\"text\": \"another\"}\n")
        let reference = folder.path + "/reference.safetensors"
        _ = try run(dense).writeReference(
            to: reference, prompts: try folder.write("one.jsonl", "{\"text\": \"\(text)\"}"), topCount: 300, quiet)
        let report = try run(pruned).watch(
            reference: reference, history: folder.path + "/h", prompts: file, alpha: 0.01, isNewBaseline: false,
            time: "t", quiet)
        let evaluated = try EvaluationRun(
            model: pruned.path, against: dense.path, files: [.text(try folder.write("t.txt", text))],
            context: text.utf8.count, engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        ).measure(quiet)
        let divergence = try #require(evaluated.files[0].measurement.divergence)
        #expect(divergence.kl > 1e-6 && abs(report.interval.kl - divergence.kl) < 1e-5)
        #expect(report.interval.topAgreement == divergence.topAgreement)
    }

    @Test func aDriftIsFoundAndTheAlarmStandsUntilANewBaseline() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let worse = try model { $0.edit = { name, values in if name.contains("mlp.up") { values[3] = 0 } } }
        let file = try folder.write("prompts.jsonl", prompts)
        let (reference, history) = (folder.path + "/reference.safetensors", folder.path + "/history.jsonl")
        let metrics = folder.path + "/espalier.prom"
        #expect(try exitCode([dense.path, "--write-reference", reference, "--prompts", file, "--top", "16"]) == 0)
        func interval(_ model: TemporaryFolder, _ more: [String] = []) throws -> Int32 {
            try exitCode(
                [
                    model.path, "--reference", reference, "--history", history, "--prometheus", metrics,
                ] + more)
        }
        for _ in 0..<30 { #expect(try interval(dense) == 0) }
        #expect(try String(contentsOfFile: metrics, encoding: .utf8).contains("} 0.0\n"))
        // As if the files' damage did not show from outside: the change alone is another test's.
        let lines = try String(contentsOfFile: history, encoding: .utf8)
        try folder.write(
            "history.jsonl", lines.replacing(/"model_fingerprint":"[0-9a-f]*",/, with: ""))
        var delay = 1
        while try interval(worse) == 0, delay < 20 { delay += 1 }
        print("a damaged model after 30 intervals: found after \(delay)")
        #expect(delay <= 7)
        #expect(try String(contentsOfFile: metrics, encoding: .utf8).contains("espalier_watch_alarm{model="))
        #expect(try interval(dense) == 2)
        #expect(try interval(worse, ["--new-baseline", "--json"]) == 0)
        #expect(try interval(worse) == 0)
        #expect(try WatchHistory.read(history).count == 30 + delay + 3)
    }

    @Test func anotherModelIsAnAlarmAtOnceUntilANewBaseline() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let other = try model { $0.seed = 9 }
        let file = try folder.write("prompts.jsonl", prompts)
        let (reference, history) = (folder.path + "/reference.safetensors", folder.path + "/history.jsonl")
        #expect(try exitCode([dense.path, "--write-reference", reference, "--prompts", file]) == 0)
        let watch = ["--reference", reference, "--history", history]
        #expect(try exitCode([dense.path] + watch) == 0)
        #expect(try exitCode([other.path] + watch) == 2)
        let report = DriftReport(WatchHistory.current(try WatchHistory.read(history)))
        let change = try #require(report.changedModel)
        #expect(change.before == dense.path && change.after == other.path)
        #expect(report.reasons.count == 1 && report.reasons[0].contains("--new-baseline"))
        // It stands, also where the first one is served again.
        #expect(try exitCode([dense.path] + watch) == 2)
        #expect(try exitCode([other.path] + watch + ["--new-baseline"]) == 0)
        #expect(try exitCode([other.path] + watch) == 0)
        // The same files elsewhere are the same model; other weights in their place are not.
        try FileManager.default.copyItem(atPath: other.path, toPath: folder.path + "/moved")
        #expect(try exitCode([folder.path + "/moved"] + watch) == 0)
        try FileManager.default.removeItem(atPath: folder.path + "/moved/model.safetensors")
        try FileManager.default.copyItem(
            atPath: dense.path + "/model.safetensors", toPath: folder.path + "/moved/model.safetensors")
        #expect(try exitCode([folder.path + "/moved"] + watch) == 2)
    }

    @Test func predictionsThatAreNoNumbersAreAnAlarmOrRefused() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let broken = try model { $0.edit = { name, values in if name.contains("norm") { values[0] = .nan } } }
        let file = try folder.write("prompts.jsonl", prompts)
        let reference = folder.path + "/reference.safetensors"
        #expect(try exitCode([broken.path, "--write-reference", reference, "--prompts", file]) == 65)
        #expect(!FileManager.default.fileExists(atPath: reference))
        #expect(try exitCode([dense.path, "--write-reference", reference, "--prompts", file]) == 0)
        let history = folder.path + "/history.jsonl"
        #expect(try exitCode([broken.path, "--reference", reference, "--history", history]) == 2)
        #expect(try String(contentsOfFile: history, encoding: .utf8).contains("\"kl\":null"))
    }

    @Test func whatDoesNotBelongTogetherIsRefused() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let file = try folder.write("prompts.jsonl", prompts)
        let (reference, history) = (folder.path + "/reference.safetensors", folder.path + "/history.jsonl")
        #expect(try exitCode([dense.path, "--write-reference", reference, "--prompts", file]) == 0)
        let watch = ["--reference", reference, "--history", history]
        let other = try model()
        let tokenizer = try String(contentsOfFile: other.path + "/tokenizer.json", encoding: .utf8)
        try other.write("tokenizer.json", tokenizer + "\n")
        #expect(try exitCode([other.path] + watch) == 3)
        let (short, silent) = (try model { $0.context = 16 }, try model { $0.hasTokenizer = false })
        #expect(try exitCode([short.path] + watch) == 3)
        #expect(try exitCode([silent.path] + watch) == 66)
        #expect(!FileManager.default.fileExists(atPath: history))
        #expect(try exitCode([dense.path] + watch) == 0)
        // Another reference under the same history.
        let second = try folder.write("second.jsonl", "{\"text\": \"other\"}\n")
        #expect(try exitCode([dense.path, "--write-reference", reference, "--prompts", second]) == 0)
        #expect(try exitCode([dense.path] + watch) == 3)
        #expect(try exitCode([dense.path] + watch + ["--new-baseline"]) == 0)
        #expect(try exitCode([dense.path, "--reference", file, "--history", history]) == 65)
        #expect(try exitCode([dense.path, "--reference", reference, "--history", reference]) == 64)
        #expect(try exitCode([dense.path, "--write-reference", file, "--prompts", file]) == 64)
        let single = try folder.write("single.jsonl", "{\"text\": \"x\"}\n")
        #expect(try exitCode([dense.path, "--write-reference", reference, "--prompts", single]) == 65)
    }

    @Test(arguments: [
        ["m"], ["m", "--reference", "r"], ["m", "--write-reference", "r"],
        ["m", "--reference", "r", "--write-reference", "r", "--prompts", "p"],
        ["m", "--reference", "r", "--history", "h", "--top", "3"],
        ["m", "--reference", "r", "--history", "h", "--length", "8"],
        ["m", "--reference", "r", "--history", "h", "--alpha", "1"],
        ["m", "--reference", "r", "--history", "h", "--alpha", "nan"],
        ["m", "--write-reference", "r", "--prompts", "p", "--alpha", "0.1"],
        ["m", "--write-reference", "r", "--prompts", "p", "--length", "1"],
        ["m", "--write-reference", "r", "--prompts", "p", "--top", "0"],
    ])
    func wordsThatDoNotFitTogetherAreAUsageError(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try WatchCommand.parse(arguments) }
    }
}

/// What cannot be written while an interval is told.
struct WatchDeliveryTests {
    private let engine = ["--threads", "1", "--device", "cpu", "--dtype", "float32", "--quiet"]

    @Test func anAlarmIsToldWhenTheFiguresCannotBeWrittenAndAQuietIntervalIsNotCounted() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let broken = try model { $0.edit = { name, values in if name.contains("norm") { values[0] = .nan } } }
        let file = try folder.write("prompts.jsonl", "{\"text\": \"A line of text.\"}\n")
        let (reference, history) = (folder.path + "/reference.safetensors", folder.path + "/history.jsonl")
        func code(_ arguments: [String]) throws -> Int32 {
            var command = try WatchCommand.parse(arguments + engine)
            do { try command.run() } catch let code as ExitCode {
                return code.rawValue
            } catch let fault as Fault { return fault.exitCode }
            return 0
        }
        #expect(try code([dense.path, "--write-reference", reference, "--prompts", file]) == 0)
        let run = WatchRun(model: dense.path, engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32))
        let full = Fault(.inputOutput, "the disk is full")
        #expect(throws: full) {
            _ = try run.watch(
                reference: reference, history: history, prompts: nil, alpha: 0.01, isNewBaseline: false, time: "t",
                quiet
            ) { _ throws(Fault) in throw full }
        }
        #expect(try WatchHistory.read(history).isEmpty)
        let watch = ["--reference", reference, "--history", history]
        #expect(try code([dense.path] + watch) == 0)
        #expect(try code([broken.path] + watch) == 2)
        #expect(try WatchHistory.read(history).count == 2)
    }

    @Test func aHistoryThatCannotBeWrittenIsToldBeforeTheWork() throws {
        let folder = try TemporaryFolder()
        try folder.write("h", "")
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: "h")
        for name in ["none/h", "link", "."] {
            #expect {
                try WatchHistory.checkPlace(folder.path + "/" + name)
            } throws: { ($0 as? Fault)?.kind == .inputOutput }
        }
        try WatchHistory.checkPlace(folder.path + "/h")
        try WatchHistory.checkPlace(folder.path + "/new")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/new"))
    }

    @Test func aVerdictOutlivesWhatCouldNotBeWritten() {
        for (code, expected) in [(Int32(0), Int32(74)), (2, 2), (3, 3)] {
            var told: [String] = []
            var delivery = Delivery { told.append($0) }
            delivery.attempt { () throws(Fault) in throw Fault(.inputOutput, "first") }
            delivery.attempt { () throws(Fault) in throw Fault(.inputOutput, "second") }
            var found: Int32 = 0
            do { try delivery.finish(verdict: code) } catch let code as ExitCode {
                found = code.rawValue
            } catch { found = (error as? Fault)?.exitCode ?? 1 }
            #expect(found == expected && told.count == (code == 0 ? 1 : 2))
        }
    }
}
