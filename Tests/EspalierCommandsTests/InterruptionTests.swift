import Foundation
import Runs
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// What a signal does to a run, by how far the run is. Each test is a process of its own.
struct InterruptionTests {
    /// Sends the signal and waits for what it does.
    private static func send(_ number: Int32, seconds: Double) {
        kill(getpid(), number)
        Thread.sleep(forTimeInterval: seconds)
    }

    private func text(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }

    @Test func aRunThatCannotBeResumedEndsAsAnyProcess() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            let interruption = Interruption(output: "out")
            interruption.handle(.note("about to begin"))
            InterruptionTests.send(SIGTERM, seconds: 20)
        }
    }

    @Test func aRunThatCanBeResumedEndsAtOnceAndSaysHow() async {
        let result = await #expect(processExitsWith: .exitCode(75), observing: [\.standardErrorContent]) {
            Interruption(output: "my out'put").handle(.resumable)
            InterruptionTests.send(SIGTERM, seconds: 20)
        }
        #expect(text(result).contains(#"interrupted; continue with: espalier resume 'my out'\''put'"#))
        let other = await #expect(processExitsWith: .exitCode(75), observing: [\.standardErrorContent]) {
            Interruption(output: "-o").handle(.resumable)
            InterruptionTests.send(SIGINT, seconds: 20)
        }
        #expect(text(other).contains("espalier resume ./-o\n"))
    }

    @Test func aRunThatIsBeingPublishedEndsWithTheCodeThatItHasEarned() async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardErrorContent]) {
            let interruption = Interruption(output: "out")
            interruption.handle(.resumable)
            interruption.handle(.publishing)
            InterruptionTests.send(SIGTERM, seconds: 0.5)
            exit(0)
        }
        #expect(text(result) == "\ninterrupted at the very end: the output is being published\n")
    }

    @Test func aSecondSignalEndsARunThatIsBeingPublished() async {
        let result = await #expect(processExitsWith: .exitCode(75), observing: [\.standardErrorContent]) {
            let interruption = Interruption(output: "out")
            interruption.handle(.resumable)
            interruption.handle(.publishing)
            // Signals that come together count as one.
            for _ in 0..<40 { InterruptionTests.send(SIGINT, seconds: 0.5) }
        }
        #expect(text(result).hasSuffix("\ninterrupted; finish with: espalier resume out\n"))
        #expect(text(result).hasPrefix("\ninterrupted at the very end"))
    }
}
