import ArgumentParser
import Faults
import Foundation
import Gate
import JSONText
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// `espalier gate` on results that `espalier evaluate` wrote.
struct GateVerbTests {
    private let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 8)

    /// A dense and a slightly changed model's results.
    private func evaluated(_ folder: TemporaryFolder) throws -> (results: String, baseline: String) {
        let (dense, pruned) = (try TemporaryFolder(), try TemporaryFolder())
        try TinyModel().write(to: dense)
        var model = TinyModel()
        model.edit = { name, values in if name.contains("layers.1.mlp.up") { values[0] = 0 } }
        try model.write(to: pruned)
        let file = try folder.write("news.txt", text)
        for (name, arguments) in [
            ("results.json", [pruned.path, "--against", dense.path]), ("dense.json", [dense.path]),
        ] {
            var command = try Evaluate.parse(
                arguments + [
                    "--text", file, "--context", "16", "--threads", "1", "--device", "cpu", "--dtype", "float32",
                    "--quiet", "--output", folder.path + "/" + name,
                ])
            try command.run()
        }
        return (folder.path + "/results.json", folder.path + "/dense.json")
    }

    @Test func resultsLargerThanAnyAreRefusedUnread() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("results.json", "{}")
        try #require(truncate(path, off_t(ReadableFile.largestFile) + 1) == 0)
        let rules = try folder.write("gate.yaml", "version: 1\nstages:\n  full:\n    perplexity_ratio: {max: 2}\n")
        #expect(try exitCode([path, "--rules", rules]) == 65)
        let found = #expect(throws: Fault.self) { try ReadableFile.bytes(path) }
        #expect(found?.summary.contains("too large") == true && found?.expected == "at most 67108864 bytes")
    }

    private func exitCode(_ arguments: [String]) throws -> Int32 {
        var command = try GateCommand.parse(arguments + ["--quiet"])
        do {
            try command.run()
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch let fault as Fault { return fault.exitCode }
    }

    @Test func passesFailsAndRefuses() throws {
        let folder = try TemporaryFolder()
        let (results, baseline) = try evaluated(folder)
        let rules = try folder.write(
            "gate.yaml",
            """
            version: 1
            stages:
              poc: {perplexity_ratio: {max: 1.5}, kl: {max: 1}, top1_agreement: {min: 0.2}}
              canary: {kl: {max: 0}}
              full: {recovery: {min: 0.9}}
            """)
        let both = [results, "--rules", rules, "--baseline", baseline]
        #expect(try exitCode(both + ["--stage", "poc"]) == 0)
        #expect(try exitCode([results, "--rules", rules, "--stage", "poc"]) == 0)
        #expect(try exitCode(both + ["--stage", "canary"]) == 2)
        #expect(try exitCode(both) == 3)
        // Another number of windows is another measurement.
        let other = try String(contentsOfFile: baseline, encoding: .utf8).replacing(
            "\"context\": 16", with: "\"context\": 32")
        let changed = try folder.write("changed.json", other)
        #expect(try exitCode([results, "--rules", rules, "--baseline", changed, "--stage", "poc"]) == 3)
    }

    @Test func theVerdictIsWrittenForPipelines() throws {
        let folder = try TemporaryFolder()
        let (results, _) = try evaluated(folder)
        let rules = try folder.write("gate.yaml", "version: 1\nstages: {full: {kl: {max: 0}}}\n")
        let (junit, summary) = (folder.path + "/gate.xml", folder.path + "/gate.md")
        let output = folder.path + "/gate.json"
        #expect(
            try exitCode([
                results, "--rules", rules, "--junit", junit, "--summary", summary, "--output", output, "--json",
            ]) == 2)
        let written = try #require(try JSONValue(parsing: String(contentsOfFile: output, encoding: .utf8)).objectValue)
        #expect(try GateVerdict(written, file: output).outcome == .failed)
        #expect(try String(contentsOfFile: junit, encoding: .utf8).contains("<failure type=\"limit\""))
        #expect(try String(contentsOfFile: summary, encoding: .utf8).contains("| kl | news.txt | fail |"))
    }

    @Test func filesThatCannotBeUsedAreNamed() throws {
        let folder = try TemporaryFolder()
        let (results, _) = try evaluated(folder)
        let rules = try folder.write("gate.yaml", "version: 1\nstages: {full: {kl: {max: 1}}}\n")
        let broken = try folder.write("broken.json", "{\"perplexity\": {\"a\": {\"value\": NaN}}}")
        let unknown = try folder.write("unknown.yaml", "version: 1\nstages: {full: {kl: {mx: 1}}}\n")
        #expect(try exitCode([folder.path + "/none.json", "--rules", rules]) == 66)
        #expect(try exitCode([results, "--rules", folder.path + "/none.yaml"]) == 66)
        #expect(try exitCode([broken, "--rules", rules]) == 65)
        #expect(try exitCode([results, "--rules", unknown]) == 78)
        #expect(try exitCode([results, "--rules", rules, "--stage", "poc"]) == 78)
        #expect(try exitCode([results, "--rules", rules, "--report", broken]) == 65)
        #expect(try exitCode([results, "--rules", rules, "--junit", rules]) == 64)
        #expect(try exitCode([results, "--rules", rules, "--baseline", results]) == 64)
        #expect(try exitCode([results, "--rules", rules, "--summary", folder.path + "/no/gate.md"]) == 74)
    }

    @Test func aModelWhosePredictionsAreNoNumbersFails() throws {
        let (folder, model) = (try TemporaryFolder(), try TemporaryFolder())
        var tiny = TinyModel()
        tiny.edit = { name, values in if name.contains("norm") { values[0] = .nan } }
        try tiny.write(to: model)
        let dense = try TemporaryFolder()
        try TinyModel().write(to: dense)
        let file = try folder.write("news.txt", text)
        var command = try Evaluate.parse([
            model.path, "--against", dense.path, "--text", file, "--context", "16", "--threads", "1", "--device", "cpu",
            "--dtype", "float32", "--quiet", "--output", folder.path + "/results.json",
        ])
        try command.run()
        for rule in ["kl: {max: 1e9}", "perplexity_ratio: {max: 1e9}"] {
            let rules = try folder.write("gate.yaml", "version: 1\nstages: {full: {\(rule)}}\n")
            #expect(try exitCode([folder.path + "/results.json", "--rules", rules]) == 2, "\(rule)")
        }
    }
}
