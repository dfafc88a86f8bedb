import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands

/// What the tool says, word for word: the help of every verb at 80 columns, and what it answers to wrong command lines.
///
/// After a change that was meant, `ESPALIER_RECORD=1 swift test --filter SnapshotTests` writes the files again; read
/// the difference before it is committed.
struct SnapshotTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Snapshots").path
    private static let isRecording = ProcessInfo.processInfo.environment["ESPALIER_RECORD"] == "1"

    private func check(_ name: String, _ text: String) throws {
        let path = Self.folder + "/" + name
        if Self.isRecording {
            try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return
        }
        let known = try String(contentsOfFile: path, encoding: .utf8)
        guard text != known else { return }
        let (mine, theirs) = (text.split(separator: "\n"), known.split(separator: "\n"))
        let changed = mine.filter { !theirs.contains($0) }.prefix(5).joined(separator: "\n")
        Issue.record("\(name) differs, for example:\n\(changed)\nIf it is meant, record the snapshots again.")
    }

    static let verbs: [(name: String, type: any ParsableCommand.Type)] =
        [("espalier", Espalier.self)]
        + Espalier.configuration.subcommands.map { ($0._commandName, $0) }

    @Test(arguments: verbs.indices)
    func help(_ index: Int) throws {
        let (name, type) = Self.verbs[index]
        let text = Espalier.helpMessage(for: type, columns: 80)
        try check("help-\(name).txt", text + "\n")
        // In a terminal of 80 columns no example is broken: pasted, it still is one command.
        var isExample = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("EXAMPLES") {
                isExample = true
            } else if line.isEmpty {
                isExample = false
            } else if isExample {
                #expect(line.hasPrefix("  "), "\(name): \(line)")
            }
        }
    }

    /// Command lines with one thing wrong each.
    static let wrong = [
        "", "prun model", "prune", "prune model", "prune model --output out --patern 2:4",
        "prune model --output out --pattern 24", "prune model --output out --pattern 2-4",
        "prune model --output out --sparsity 120%", "prune model --output out --method wandapp",
        "prune model --output out --method wanda", "prune missing --output out --method magnitude",
        "prune Owner/Name --output out --method magnitude", "inspect", "inspect missing", "inspect missing.gguf",
        "evaluate model", "evaluate model --text missing.txt", "evaluate model --tasks hellaswga --task-data .",
        "evaluate model --text text.txt --context 0", "generate model", "generate model --prompt a --top-p 0.5",
        "gate", "gate results.json", "gate missing.json --rules rules.yaml", "gate results.json --rules missing.yaml",
        "gate results.json --rules rules.yaml --stage beta", "gate results.json --rules wrong.yaml",
        "report missing", "watch model", "verify missing", "resume missing", "benchmark model --prompt 0",
        "evaluate model --text text.txt --device cuda:x", "plan model --pattern 2:4 --dtype float8",
    ]

    @Test(.enabled(if: ProcessTests.tool != nil))
    func errors() throws {
        let folder = try TemporaryFolder()
        let model = try TemporaryFolder()
        try TinyModel().write(to: model)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/model", withDestinationPath: model.path)
        try folder.write("text.txt", "A short text that is longer than one token.")
        try folder.write("results.json", "{}")
        try folder.write("rules.yaml", "version: 1\nstages: {full: {kl: {max: 1}}}\n")
        try folder.write("wrong.yaml", "version: 1\nstages: {full: {kl: {maxx: 1}}}\n")
        var transcript = ""
        for line in Self.wrong {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(ProcessTests.tool))
            process.arguments = line.split(separator: " ").map(String.init)
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            process.environment = ["PATH": "/usr/bin:/bin", "COLUMNS": "80"]
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            transcript += "$ espalier \(line)\n\(said)[\(process.terminationStatus)]\n\n"
        }
        try check("errors.txt", transcript.replacing(folder.path, with: "FOLDER").replacing(model.path, with: "MODEL"))
    }
}
