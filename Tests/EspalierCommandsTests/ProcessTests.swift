import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// The shell's line, in which $E is the tool.
func shell(_ line: String, in folder: TemporaryFolder) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ["E": try #require(ProcessTests.tool), "PATH": "/usr/bin:/bin"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}

/// The built tool as a shell starts it: closed, full and abandoned streams, and the codes that stand.
struct ProcessTests {
    /// Beside the tests' own program.
    static let tool: String? = {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        let path = folder.appendingPathComponent("espalier").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    private func gateFolder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write(
            "r.json", #"{"perplexity": {"t": {"value": 9}}, "divergence": {"t": {"against_perplexity": 6, "kl": 1}}}"#)
        try folder.write("fail.yaml", "version: 1\nstages: {full: {kl: {max: 0.1}}}\n")
        try folder.write("pass.yaml", "version: 1\nstages: {full: {kl: {max: 2}}}\n")
        try folder.write("none.yaml", "version: 1\nstages: {full: {top1_agreement: {min: 0.5}}}\n")
        return folder
    }

    @Test(
        .enabled(if: ProcessTests.tool != nil),
        arguments: [
            ("", 2, 0, 3), (">&-", 2, 74, 3), (">/dev/full", 2, 74, 3), ("2>&-", 2, 0, 3), ("2>/dev/full", 2, 0, 3),
            ("<&-", 2, 0, 3), ("| true; exit ${PIPESTATUS[0]}", 2, 0, 3), ("<&- >&- 2>&-", 2, 74, 3),
        ] as [(String, Int32, Int32, Int32)])
    func aVerdictStandsWhateverBecomesOfTheStreams(_ way: String, _ fail: Int32, _ pass: Int32, _ none: Int32) throws {
        let folder = try gateFolder()
        for (rules, code) in [("fail", fail), ("pass", pass), ("none", none)] {
            let line = "$E gate r.json --rules \(rules).yaml --output o.json --junit o.xml \(way)"
            #expect(try shell(line, in: folder) == code, "\(line)")
            let written = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/o.json"))
            // Nothing of the text for people has come into the file.
            #expect((try? JSONSerialization.jsonObject(with: written)) != nil)
        }
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func helpAndVersionThatCannotBeWrittenAreAnError() throws {
        let folder = try TemporaryFolder()
        for words in ["--help", "--version", "gate --help", "--generate-completion-script bash"] {
            #expect(try shell("$E \(words)", in: folder) == 0)
            #expect(try shell("$E \(words) | true; exit ${PIPESTATUS[0]}", in: folder) == 0)
            #expect(try shell("$E \(words) >&-", in: folder) == 74)
            #expect(try shell("$E \(words) >/dev/full", in: folder) == 74)
        }
        #expect(try shell("$E gate --nonsense >&- 2>&-", in: folder) == 64)
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func aLimitOnTheSizeOfFilesIsAnErrorOfWriting() throws {
        let (folder, dense) = (try gateFolder(), try model())
        #expect(try shell("ulimit -f 0; $E gate r.json --rules pass.yaml --output o.json", in: folder) == 74)
        #expect(try shell("ulimit -f 0; $E gate r.json --rules fail.yaml --output o.json", in: folder) == 2)
        let prune = "prune \(dense.path) --method magnitude -o out --threads 1 --quiet"
        #expect(try shell("ulimit -f 8; $E \(prune)", in: folder) == 74)
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func pipesWithoutAWriterNeverBlock() throws {
        let folder = try gateFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/run", withIntermediateDirectories: true)
        #expect(try shell("mkfifo f run/report.json", in: folder) == 0)
        for words in [
            "gate r.json --rules f", "gate f --rules pass.yaml", "prune m -o o --recipe f", "report run --output p",
        ] {
            #expect(try shell("timeout 20 $E \(words)", in: folder) == 65, "\(words)")
        }
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func anArgumentThatIsNoTextIsAUsageError() throws {
        let folder = try gateFolder()
        #expect(try shell(#"$E gate r.json --rules pass.yaml --output $'o\xff'"#, in: folder) == 64)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix("o") })
    }

    @Test(.enabled(if: ProcessTests.tool != nil), .timeLimit(.minutes(1)))
    func aFullPipeThatDoesNotWaitLosesNothing() throws {
        let folder = try gateFolder()
        #expect(try shell("$E gate r.json --rules pass.yaml --json > expected", in: folder) == 0)
        let expected = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/expected"))
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        // The next process shares the state of the pipe's end: it does not wait there either.
        #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        let block = [UInt8](repeating: 7, count: 1 << 16)
        for end in ends { #expect(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        var (filled, count) = (0, write(ends[1], block, block.count))
        while count > 0 {
            filled += count
            count = write(ends[1], block, block.count)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.tool))
        process.arguments = ["gate", "r.json", "--rules", "pass.yaml", "--json"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = FileHandle(fileDescriptor: ends[1])
        try process.run()
        Thread.sleep(forTimeInterval: 1)
        #expect(process.isRunning)
        close(ends[1])
        let received = FileHandle(fileDescriptor: ends[0]).readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(filled > 0 && received.count == filled + expected.count && received.dropFirst(filled) == expected)
        close(ends[0])
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func anAlarmIsToldThoughTheHistoryTakesNoMoreLines() throws {
        let folder = try TemporaryFolder()
        let dense = try model()
        let broken = try model { $0.edit = { name, values in if name.contains("norm") { values[0] = .nan } } }
        try folder.write("p.jsonl", "{\"text\": \"A line of text.\"}\n")
        let engine = "--threads 1 --device cpu --dtype float32"
        let watch = "--reference ref --history h \(engine)"
        #expect(try shell("$E watch \(dense.path) --write-reference ref --prompts p.jsonl \(engine)", in: folder) == 0)
        #expect(try shell("$E watch \(dense.path) \(watch)", in: folder) == 0)
        // A history that is longer than files may be: its next line cannot be written.
        let line = try String(contentsOfFile: folder.path + "/h", encoding: .utf8)
        try folder.write("h", String(repeating: line, count: 1 + 1024 / line.utf8.count))
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/h"))
        func watched(_ model: TemporaryFolder) throws -> Int32 {
            try shell(
                "(ulimit -f 1; exec $E watch \(model.path) \(watch)) 2>&1 >/dev/null | cat >told; exit ${PIPESTATUS[0]}",
                in: folder)
        }
        #expect(try watched(dense) == 74)
        #expect(try watched(broken) == 2)
        let told = try String(contentsOfFile: folder.path + "/told", encoding: .utf8)
        #expect(told.contains("ALARM") && told.contains("writing failed"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/h")) == before)
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func anAlarmStandsOnceInEachPlace() throws {
        let folder = try TemporaryFolder()
        let (dense, broken) = (
            try model(), try model { $0.edit = { name, values in if name.contains("norm") { values[0] = .nan } } }
        )
        try folder.write("p.jsonl", "{\"text\": \"A line of text.\"}\n")
        let engine = "--threads 1 --device cpu --dtype float32"
        #expect(try shell("$E watch \(dense.path) --write-reference ref --prompts p.jsonl \(engine)", in: folder) == 0)
        let watch = "$E watch \(broken.path) --reference ref --history h \(engine)"
        func alarms(_ name: String) throws -> Int {
            try String(contentsOfFile: folder.path(name), encoding: .utf8).components(separatedBy: "ALARM").count - 1
        }
        #expect(try shell("\(watch) > all 2>&1", in: folder) == 2)
        #expect(try alarms("all") == 1)
        #expect(try shell("\(watch) > out 2> errors", in: folder) == 2)
        #expect(try alarms("out") == 1 && alarms("errors") == 1)
        #expect(try shell("\(watch) --json > out 2> errors", in: folder) == 2)
        #expect(try alarms("out") == 0 && alarms("errors") == 1)
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func inspectShowsWhatItCanOfAModelWhoseTokenizerIsRefused() throws {
        let (folder, dense) = (try TemporaryFolder(), try model())
        try dense.write("tokenizer.json", #"{"model": {"type": "WordPiece"}}"#)
        #expect(try shell("$E inspect \(dense.path) --json >json 2>told", in: folder) == 0)
        let told = try String(contentsOfFile: folder.path + "/told", encoding: .utf8)
        #expect(told.contains("warning: ") && told.contains("tokenizer.json: the tokenizer cannot be used: "))
        let json = try JSONSerialization.jsonObject(
            with: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/json")))
        let object = try #require(json as? [String: Any])
        #expect(object["tokenizer"] is NSNull && object["family"] as? String == "llama")
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func giantNumbersAreAUsageError() throws {
        let folder = try TemporaryFolder()
        for words in [
            "benchmark m --prompt 9223372036854775807", "benchmark m --batch 1000000000",
            "benchmark m --prompt 1048576 --batch 4096", "benchmark m --new-tokens 9223372036854775807",
            "benchmark m --repeats -1", "generate m --prompt x --max-tokens 9223372036854775807",
            "evaluate m --text t --context 9223372036854775807", "evaluate m --text t --windows 9223372036854775807",
            "watch m --reference r --history h --prompts p --length 9223372036854775807",
            "prune m -o o --samples 9223372036854775807", "prune m -o o --sequence-length 9223372036854775807",
            "prune m -o o --shard-size 1e400GB", "prune m -o o --threads 9223372036854775807",
        ] { #expect(try shell("timeout 20 $E \(words)", in: folder) == 64, "\(words)") }
    }
}
