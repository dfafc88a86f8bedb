import Foundation
import Randomness
import RunSupport
import TestSupport
import Testing

/// Kills the real binary at random moments. Slow: ESPALIER_SLOW=1, ESPALIER_BINARY=<the built tool>, and the model and
/// tokens of ESPALIER_TEST_DATA.
@Suite("Killing the process")
struct KillTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let binary = environment["ESPALIER_BINARY"]
    private static let model = TestData.path("models/stories260K/hf")
    static let isPossible = environment["ESPALIER_SLOW"] == "1" && binary != nil && model != nil

    @Test(
        "kill -9 at ten random moments, then resume, gives the same bytes", .enabled(if: isPossible),
        arguments: [[], ["--recover", "4"]])
    func kills(_ options: [String]) throws {
        let bench = try Bench(tokens: Self.tokens())
        let model = try #require(Self.model)
        func arguments(_ output: String) -> [String] {
            [
                "prune", model, "--output", bench.path(output), "--pattern", "2:4", "--calibration", bench.tokenFile,
                "--samples", "24", "--shard-size", "300KB", "--quiet",
            ] + options
        }
        // Where a run leaves what it needs to go on: one in stages has a folder for all of them.
        let place = options.isEmpty ? "out.partial" : "out.stages"
        let begin = ContinuousClock.now
        #expect(try run(arguments("whole")) == 0)
        let seconds = begin.duration(to: .now) / .seconds(1)
        let whole = try bench.files("whole")

        var generator = SplitMix64(seed: UInt64(ProcessInfo.processInfo.processIdentifier))
        var kills = 0
        var rounds = 0
        while kills < 10, rounds < 60 {
            rounds += 1
            // A run that is killed before its first journal line is started anew, as the message says.
            let moment = seconds * Double(generator.next() % 1000) / 1000
            let isResumable = FileManager.default.fileExists(atPath: bench.path(place))
            let code = try run(
                isResumable ? ["resume", bench.path("out"), "--quiet"] : arguments("out"), killAfter: moment)
            if code == 9 { kills += 1 }
            if code == 66 { bench.remove(place) }
            if bench.exists("out") {
                #expect(Folder.differences(try bench.files("out"), whole) == [])
                #expect(!bench.exists("out.partial"))
                // One that was killed while it tidied up tidies up when it goes on.
                if bench.exists(place) { #expect(try run(["resume", bench.path("out"), "--quiet"]) == 0) }
                #expect(!bench.exists(place))
                bench.remove("out")
            }
        }
        #expect(kills == 10)
        if bench.exists(place) {
            var code = try run(["resume", bench.path("out"), "--quiet"])
            if code == 66 { code = try run(arguments("out")) }
            #expect(code == 0)
            #expect(Folder.differences(try bench.files("out"), whole) == [])
        }
    }

    /// The exit code, or the signal's number.
    private func run(_ arguments: [String], killAfter seconds: Double? = nil) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.binary))
        process.arguments = arguments + (arguments[0] == "prune" ? ["--threads", "1"] : [])
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        if let seconds {
            Thread.sleep(forTimeInterval: seconds)
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Rows of ids below 512, the model's vocabulary.
    private static func tokens() -> [[Int32]] {
        var generator = SplitMix64(seed: 11)
        return (0..<24).map { _ in (0..<64).map { _ in Int32(generator.next() % 512) } }
    }
}
