import Faults
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// The file of --log-file: all progress with its times, and never a reason to fail.
struct LogFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path(name), encoding: .utf8)
    }

    private func reporter(
        _ level: ProgressReporter.Level, _ log: LogFile?, clock: @escaping () -> Double = { 0 }
    ) -> ProgressReporter {
        ProgressReporter(
            level: level,
            surroundings: .init(
                isTerminal: false, style: Style(usesColour: true), width: { 80 }, clock: clock, write: { _ in }),
            log: log)
    }

    @Test func everythingIsWrittenWithItsTimeHoweverLittleTheTerminalShows() throws {
        let log = try LogFile(folder.path("log"), now: { Date(timeIntervalSince1970: 1_800_000_000) })
        var time = 0.0
        let reporter = reporter(.quiet, log, clock: { time })
        reporter.note("a note")
        reporter.detail("a detail\u{1B}[31m")
        reporter.begin("pruning", total: 100, unit: "tokens")
        for step in 1...25 {
            time = Double(step)
            reporter.update(Double(step))
        }
        reporter.warning("beware\nof lines")
        reporter.finish()
        let stamp = "2027-01-15T08:00:00Z "
        #expect(
            try text("log").split(separator: "\n").map { $0.dropFirst(stamp.count) } == [
                "a note", "a detail\u{FFFD}[31m", "pruning: begun", "pruning: 10 %, 1.0 tokens/s, 1m 30s left",
                "pruning: 20 %, 1.0 tokens/s, 1m 20s left", "warning: beware", "of lines", "pruning: done in 25.0 s",
            ])
        #expect(try text("log").split(separator: "\n").allSatisfy { $0.hasPrefix(stamp) })
        try LogFile(folder.path("log")).write("another run")
        #expect(try text("log").hasPrefix(stamp + "a note") && text("log").hasSuffix("Z another run\n"))
    }

    @Test func nothingIsAppendedToWhatIsNoLog() throws {
        let before = "{\"value\": 1}\n"
        let path = try folder.write("results.json", before)
        #expect(LogFile.open(path) == nil)
        #expect(try text("results.json") == before)
        #expect(LogFile.open(folder.path) == nil && LogFile.open(folder.path("no/log")) == nil)
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        #expect(LogFile.open(folder.path("pipe")) == nil)
        try folder.write("empty", "")
        #expect(LogFile.open(folder.path("empty")) != nil)
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func theVerdictStandsWhateverBecomesOfTheLog() throws {
        try folder.write("r.json", #"{"divergence": {"t": {"kl": 1}}}"#)
        try folder.write("fail.yaml", "version: 1\nstages: {full: {kl: {max: 0.1}}}\n")
        try folder.write("pass.yaml", "version: 1\nstages: {full: {kl: {max: 2}}}\n")
        func code(_ rules: String, _ log: String, _ way: String = "") throws -> Int32 {
            try shell("$E gate r.json --rules \(rules).yaml --log-file \(log) \(way)", in: folder)
        }
        for (rules, expected) in [("pass", Int32(0)), ("fail", 2)] {
            #expect(try code(rules, "log") == expected)
            for log in ["/dev/full", "no/log", "r.json", "/dev/null", "."] {
                #expect(try code(rules, log) == expected, "\(log)")
            }
        }
        #expect(try shell("ulimit -f 0; $E gate r.json --rules fail.yaml --log-file log", in: folder) == 2)
        #expect(try shell("$E gate nothing.json --rules fail.yaml --log-file log", in: folder) == 66)
        let lines = try text("log").split(separator: "\n").map { $0.dropFirst(21) }
        #expect(lines[0] == "espalier \(EspalierVersion.number): gate r.json --rules pass.yaml --log-file log")
        #expect(lines[1] == "ended with exit code 0" && lines[3] == "ended with exit code 2")
        #expect(lines.contains { $0.hasPrefix("error: the file does not exist") })
        #expect(lines.last == "ended with exit code 66")
    }

    @Test(.enabled(if: ProcessTests.tool != nil))
    func aRunTellsItsBlocks() throws {
        let dense = try model()
        let words = "prune \(dense.path) -o out --method magnitude --threads 1 --device cpu --dtype float32"
        #expect(try shell("$E \(words) --quiet --log-file log", in: folder) == 0)
        let log = try text("log")
        #expect(log.contains("Z block 2/2: 50.0 % removed") && log.hasSuffix("Z ended with exit code 0\n"))
    }
}
