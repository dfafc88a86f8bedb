import ArgumentParser
import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit
@testable import Reports

/// `espalier recover` and where it writes what it took.
@Suite("Recover's results")
struct RecoverVerbTests {
    private let folder: TemporaryFolder
    private let text: String

    init() throws {
        folder = try model()
        text = try folder.write("text.txt", String(repeating: "Now is the winter of our discontent. ", count: 40))
    }

    private func recover(_ more: [String]) throws {
        var command = try Recover.parse(
            [
                folder.path, "--loss", "lm", "--calibration", text, "--samples", "6", "--sequence-length", "16",
                "--steps", "2", "--device", "cpu", "--dtype", "float32", "--threads", "1", "--quiet",
            ] + more)
        try command.run()
    }

    @Test("time and memory are written beside the published folder's files, which do not hold them")
    func written() throws {
        let work = try TemporaryFolder()
        let (output, cost) = (work.path + "/out", work.path + "/out/recovery-cost.json")
        try recover(["--output", output, "--results", cost])
        let recovery = try #require(try PublishedRecovery(folder: output))
        #expect(recovery.losses.steps == 2 && recovery.cost.map { $0.peakMemoryBytes > 0 } == true)
        #expect(recovery.cost?.environment?["threads"]?.integerValue == 1)
        let record = try String(contentsOfFile: output + "/recovery.json", encoding: .utf8)
        #expect(!record.contains("seconds") && !record.contains("memory"))
        let verified = try PublishedFolder(output, reporter: quiet)
        #expect(verified.results == ["recovery-cost.json"] && verified.warnings.isEmpty)
    }

    @Test("the teacher answers prompts, of which the loss counts the answers")
    func answers() throws {
        let work = try TemporaryFolder()
        let asked = try work.write(
            "asked.jsonl", (0..<30).map { "{\"prompt\":\"What is \($0)?\"}\n" }.joined())
        func run(_ output: String, _ more: [String]) throws -> JSONObject {
            var command = try Recover.parse(
                [
                    folder.path, "--teacher", folder.path, "--calibration", "self:\(asked)@2", "--samples", "6",
                    "--sequence-length", "24", "--steps", "2", "--device", "cpu", "--dtype", "float32", "--threads",
                    "1", "--quiet", "--output", work.path + "/" + output,
                ] + more)
            try command.run()
            let bytes = try Data(contentsOf: URL(fileURLWithPath: work.path + "/" + output + "/recovery.json"))
            return try #require(try JSONValue(parsing: Array(bytes)).objectValue)
        }
        let all = try run("all", [])
        let replies = try run("replies", ["--turns", "assistant"])
        let source = try #require(all["calibration"]?.objectValue?["sources"]?.arrayValue?.first?.objectValue)
        #expect(source["kind"] == .string("self") && source["file"] == .string("asked.jsonl"))
        #expect(source["weight"]?.doubleValue == 2)
        #expect(replies["counted_positions"]?.integerValue ?? .max < 5 * 23)
        // The published recipe names the prompts from its own folder, and makes the same again.
        let recipe = work.path + "/all/recovery.yaml"
        #expect(try String(contentsOfFile: recipe, encoding: .utf8).contains("self:../asked.jsonl@2"))
        var command = try Recover.parse(["--recipe", recipe, "--output", work.path + "/again", "--quiet"])
        try command.run()
        let weights = ["all", "again"].map { work.path + "/" + $0 + "/model.safetensors" }
        #expect(FileManager.default.contentsEqual(atPath: weights[0], andPath: weights[1]))
    }

    @Test("a place that would change the output, or that cannot be written, is refused before the work")
    func refused() throws {
        let work = try TemporaryFolder()
        let output = work.path + "/out"
        func fault(_ results: String) -> Fault? {
            #expect(throws: Fault.self) { try recover(["--output", output, "--results", results]) }
        }
        #expect(fault(output + "/recovery.json")?.kind == .usage)
        #expect(fault(text)?.kind == .usage)
        #expect(throws: Fault.self) {
            try recover(["--calibration", "\(text)@2", "--output", output, "--results", text])
        }
        #expect(try String(contentsOfFile: text, encoding: .utf8).hasPrefix("Now is the winter"))
        #expect(fault(work.path + "/nothing/cost.json")?.kind == .inputOutput)
        #expect(!FileManager.default.fileExists(atPath: output))
        #expect(throws: (any Error).self) { try Recover.parse([folder.path, "--plan", "--results", "cost.json"]) }
    }
}
