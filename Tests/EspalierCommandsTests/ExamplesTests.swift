import Foundation
import Gate
import JSONText
import TestSupport
import Testing
import Yams

@testable import EspalierCommands

/// The files of `examples/`, run as their readers run them: by the commands in the workflows and in the service.
struct ExamplesTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("examples").path

    private static func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }

    @Test func theRulesAreThoseThatInitWrites() throws {
        #expect(try Self.text("gate.yaml") == GateRules.start)
        let rules = try GateRules(yaml: GateRules.start)
        #expect(rules.stages.count == 3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/gate.yaml"
        var command = try GateCommand.parse(["--init", path, "--json"])
        try command.run()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == GateRules.start)
        // A second time the limits that were set are not lost.
        #expect(throws: (any Error).self) { try command.run() }
    }

    // MARK: Running the commands

    /// A shell in a copy of the examples beside a dense and a slightly pruned model.
    private struct Shell {
        let folder: TemporaryFolder
        private let dense: TemporaryFolder
        var environment: [String: String]

        init() throws {
            folder = try TemporaryFolder()
            for name in try FileManager.default.contentsOfDirectory(atPath: ExamplesTests.folder) {
                try FileManager.default.copyItem(
                    atPath: ExamplesTests.folder + "/" + name, toPath: folder.path + "/" + name)
            }
            dense = try TemporaryFolder()
            var model = TinyModel()
            model.context = 256
            try model.write(to: dense)
            try folder.write("heldout.txt", String(repeating: "The quick brown fox jumps over it. ", count: 40))
            let bin = folder.path + "/bin"
            try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: bin + "/espalier", withDestinationPath: try #require(ProcessTests.tool))
            environment = [
                "PATH": bin + ":/usr/bin:/bin", "DENSE": dense.path, "PRUNED": folder.path + "/pruned",
                "TEXT": "heldout.txt",
                "STAGE": "canary", "GITHUB_STEP_SUMMARY": folder.path + "/summary.md", "CI_COMMIT_BRANCH": "main",
            ]
            try run("espalier prune \"$DENSE\" --output \"$PRUNED\" --method magnitude --sparsity 1% --dtype float32")
            // This model knows no capitals: what must stay is what the dense model says.
            try run("espalier generate \"$DENSE\" --golden golden.json --max-tokens 16 --output answers.json")
            let text = try String(contentsOfFile: folder.path + "/answers.json", encoding: .utf8)
            var document = try #require(try JSONValue(parsing: text).objectValue)
            let prompts = try #require(document["prompts"]?.arrayValue)
            #expect(!prompts.isEmpty)
            document["prompts"] = .array(
                try prompts.map { prompt in
                    var prompt = try #require(prompt.objectValue)
                    // Random weights have near ties: only the first character is sure to stay.
                    let answer = try #require(prompt["answer"]?.stringValue)
                    prompt["expected"] = .string(String(try #require(answer.first)))
                    prompt["match"] = .string("contains")
                    prompt["answer"] = nil
                    return .object(prompt)
                })
            try folder.write("golden.json", JSONValue.object(document).text())
            try FileManager.default.removeItem(atPath: folder.path + "/answers.json")
        }

        func run(_ line: String) throws {
            let (code, errors) = try self.code(of: line)
            #expect(code == 0, "\(line)\n\(errors)")
        }

        func code(of line: String) throws -> (code: Int32, errors: String) {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = ["-eo", "pipefail", "-c", line]
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            process.environment = environment
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            let said = errors.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: said, as: UTF8.self))
        }
    }

    private static func hasTool() -> Bool { ProcessTests.tool != nil }

    @Test(.enabled(if: ExamplesTests.hasTool()))
    func theGitHubWorkflowPasses() throws {
        let shell = try Shell()
        let workflow = try #require(try compose(yaml: Self.text("github-workflow.yml")))
        let steps = try #require(workflow["jobs"]?["gate"]?["steps"]?.sequence)
        let commands = steps.compactMap { $0["run"]?.string }
        #expect(commands.count == 4)
        for command in commands { try shell.run(command) }
        let summary = try String(contentsOfFile: shell.folder.path + "/summary.md", encoding: .utf8)
        #expect(summary.contains("stage canary: pass"))
        #expect(summary.contains("golden_prompts"))
        // The files that the workflow keeps are there.
        for name in try #require(steps.last?["with"]?["path"]?.string).split(separator: "\n") {
            #expect(FileManager.default.fileExists(atPath: shell.folder.path + "/" + name))
        }
    }

    @Test(.enabled(if: ExamplesTests.hasTool()))
    func theGitLabPipelinePassesAndStopsABrokenModel() throws {
        let shell = try Shell()
        let pipeline = try #require(try compose(yaml: Self.text("gitlab-ci.yml")))
        let stages = try #require(pipeline["stages"]?.sequence).compactMap(\.string)
        #expect(stages == ["measure", "gate", "roll-out"])
        func script(_ stage: String) throws -> [String] {
            let jobs = try #require(pipeline.mapping).values.filter { $0["stage"]?.string == stage }
            #expect(jobs.count == 1)
            return jobs.flatMap { $0["script"]?.sequence?.compactMap(\.string) ?? [] }
        }
        for stage in stages {
            let lines = try script(stage)
            #expect(!lines.isEmpty)
            for line in lines { try shell.run(line) }
        }
        // Four weights of five are gone.
        try shell.run("espalier prune \"$DENSE\" --output \"$PRUNED\" --overwrite --method magnitude --sparsity 80%")
        for line in try script("measure") { try shell.run(line) }
        let (code, _) = try shell.code(of: try script("gate").joined(separator: "\n"))
        #expect(code == 2)
    }

    @Test(.enabled(if: ExamplesTests.hasTool()))
    func theServiceMeasuresAndKeepsAHistory() throws {
        var shell = try Shell()
        let unit = try Self.text("espalier-watch.service").split(separator: "\n").map(String.init)
        let start = try #require(unit.first { $0.hasPrefix("ExecStart=") }).dropFirst("ExecStart=".count)
        let reference = try #require(unit.first { $0.contains("--write-reference") })
        for line in try Self.text("watch.env").split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            shell.environment[parts[0]] = shell.folder.path + "/" + (parts[1] as NSString).lastPathComponent
        }
        func command(_ text: some StringProtocol) -> String {
            String(text).replacing("/usr/local/bin/", with: "").replacing("/models/dense", with: "\"$DENSE\"")
                .replacing("/var/lib/espalier/", with: "").replacing("#", with: "").trimmingCharacters(in: .whitespaces)
        }
        try shell.run(command(reference))
        try shell.run(command(start))
        try shell.run(command(start))
        let history = try String(contentsOfFile: shell.folder.path + "/history.jsonl", encoding: .utf8)
        #expect(history.split(separator: "\n").count == 2)
        let metrics = try String(contentsOfFile: shell.folder.path + "/espalier.prom", encoding: .utf8)
        // The alerts ask for metrics that exist.
        let alerts = try #require(try compose(yaml: Self.text("prometheus-alerts.yml")))
        let rules = try #require(alerts["groups"]?[0]?["rules"]?.sequence)
        #expect(rules.count == 2)
        for rule in rules {
            let expression = try #require(rule["expr"]?.string)
            let name = try #require(expression.firstMatch(of: /espalier_\w+/)).output
            #expect(metrics.contains(name))
        }
    }

    @Test func theFilesAreListed() throws {
        let readme = try Self.text("README.md")
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder) where name != "README.md" {
            #expect(readme.contains("`\(name)`"), "\(name)")
        }
    }
}
