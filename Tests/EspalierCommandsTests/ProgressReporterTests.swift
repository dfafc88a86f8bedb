import Faults
import Testing

@testable import EspalierCommands
@testable import EspalierKit

struct ProgressReporterTests {
    /// What was written, and a clock that stands until it is moved.
    private final class Screen {
        var text = ""
        var time = 0.0
        var columns = 80

        func reporter(
            _ level: ProgressReporter.Level = .normal, terminal: Bool, colour: Bool = false
        ) -> ProgressReporter {
            ProgressReporter(
                level: level,
                surroundings: .init(
                    isTerminal: terminal, style: Style(usesColour: colour), width: { self.columns },
                    clock: { self.time }, write: { self.text += $0 }))
        }
    }

    @Test func blocksThatKeptTheirWeightsAreToldOnceWithHowMuchTextToUse() {
        #expect(RunNarrator.undone(0, of: 30, tokens: 4096) == nil)
        let little = RunNarrator.undone(29, of: 30, tokens: 4096)
        #expect(
            little
                == "29 of 30 blocks kept their unoptimized weights, because optimizing did not help on "
                + "held-out sequences. "
                + "The run had 4,096 calibration tokens; use at least 32,768, such as --samples 64 "
                + "--sequence-length 512")
        #expect(RunNarrator.undone(1, of: 30, tokens: 262_144)?.contains("twice as many") == true)
    }

    @Test func numbersReadAsPeopleWriteThem() {
        #expect(Amount.count(1, "tensor") == "1 tensor" && Amount.count(1234, "tensor") == "1,234 tensors")
        #expect(Amount.count(0, "row has", "rows have") == "0 rows have")
        #expect(Amount.bytes(1) == "1 byte" && Amount.bytes(999) == "999 bytes")
        #expect(Amount.duration(0.9996) == "1.0 s" && Amount.duration(0.9994) == "999 ms")
        #expect(Amount.duration(59.96) == "1m 00s" && Amount.duration(59.94) == "59.9 s")
    }

    @Test func aLogGetsALineEveryTenSeconds() {
        let screen = Screen()
        let reporter = screen.reporter(terminal: false)
        reporter.begin("evaluating", total: 1000, unit: "tokens")
        for second in 1...25 {
            screen.time = Double(second)
            reporter.update(Double(second) * 10)
        }
        reporter.finish()
        #expect(
            screen.text == """
                evaluating: 10 %, 10 tokens/s, 1m 30s left
                evaluating: 20 %, 10 tokens/s, 1m 20s left
                evaluating: done in 25.0 s

                """)
    }

    /// The last line on a terminal after work at the given times.
    private func shown(_ steps: [(time: Double, done: Double)]) -> String {
        let screen = Screen()
        let reporter = screen.reporter(terminal: true)
        reporter.begin("pruning", total: 1)
        for step in steps {
            screen.time = step.time
            reporter.update(step.done)
        }
        return screen.text.split(separator: "\r").last.map(String.init) ?? ""
    }

    /// A run of half an hour whose first steps are slow: two days were promised after ten seconds.
    @Test func noTimeIsPromisedBeforeItMeansSomething() {
        let slow = [(2.0, 1e-5), (5, 3e-5), (9, 5e-5), (11, 6e-5), (30, 2e-4)]
        #expect(!shown(slow).contains("left"))
        // The pace picks up: what is promised still moves.
        #expect(!shown(slow + [(40, 0.005), (60, 0.02)]).contains("left"))
        // It has settled at 30 minutes.
        let settled = stride(from: 100.0, through: 400, by: 20).map { ($0, ($0 - 30) / 1770) }
        #expect(shown(slow + settled).hasSuffix("20 %, 25m 14s left"))
    }

    @Test func aFastStartPromisesNothing() {
        #expect(!shown([(0.5, 0.05), (1, 0.1), (9.9, 0.11)]).contains("left"))
        #expect(!shown([(0.5, 0.05), (1, 0.1), (11, 0.11), (20, 0.11)]).contains("left"))
        #expect(shown([(1, 0.02), (6, 0.12), (12, 0.24)]).hasSuffix("24 %, 38.0 s left"))
        #expect(!shown([(1, 0.001), (6, 0.006), (12, 0.012)]).contains("left"))
        #expect(shown([(12, 0.5)]).hasSuffix("50 %, 12.0 s left") && !shown([(12, 1)]).contains("left"))
    }

    @Test func shortPhasesLeaveNoTraceInALog() {
        let screen = Screen()
        let reporter = screen.reporter(terminal: false)
        reporter.begin("loading", total: 1)
        screen.time = 1
        reporter.finish()
        #expect(screen.text.isEmpty)
    }

    @Test func aTerminalGetsOneLineThatIsRewritten() throws {
        let screen = Screen()
        let reporter = screen.reporter(terminal: true)
        reporter.begin("pruning", total: 30, unit: "blocks")
        screen.time = 10
        reporter.update(15)
        #expect(!screen.text.contains("\n"))
        let bar = try #require(screen.text.split(separator: "\r").last)
        #expect(bar.contains("pruning [===============               ] 50 %, 1.5 blocks/s, 10.0 s left"))
        reporter.note("block 14: done")
        #expect(screen.text.contains("\r\u{1B}[Kblock 14: done\n\r\u{1B}[Kpruning"))
        reporter.finish()
        #expect(screen.text.hasSuffix("\r\u{1B}[K"))
    }

    @Test(arguments: [20, 33, 47, 80, 200]) func theBarNeverWraps(_ columns: Int) {
        let screen = Screen()
        screen.columns = columns
        let reporter = screen.reporter(terminal: true)
        reporter.begin("evaluating 日本語のとても長い名前のファイル.txt and more of it", total: 1e6, unit: "tokens")
        screen.time = 5000
        reporter.update(3)
        for line in screen.text.split(separator: "\r") {
            let shown = line.replacing("\u{1B}[K", with: "")
            #expect(ProgressReporter.columns(String(shown)) <= max(20, columns - 1))
        }
    }

    @Test func redrawingIsLimited() {
        let screen = Screen()
        let reporter = screen.reporter(terminal: true)
        reporter.begin("x", total: 1000)
        for step in 1...1000 {
            screen.time = Double(step) / 1000
            reporter.update(Double(step))
        }
        #expect(screen.text.split(separator: "\r").count <= 12)
    }

    @Test func quietLeavesWarningsOnly() {
        let screen = Screen()
        let reporter = screen.reporter(.quiet, terminal: true)
        reporter.begin("x", total: 1)
        screen.time = 60
        reporter.update(1)
        reporter.note("note")
        reporter.detail("detail")
        reporter.warning("the \u{1B}[31mfile\u{7}")
        reporter.finish()
        #expect(screen.text == "warning: the \u{FFFD}[31mfile\u{FFFD}\n")
    }

    @Test func messagesAreOneLineWhateverTheyQuote() {
        let screen = Screen()
        let reporter = screen.reporter(terminal: false)
        reporter.warning("pattern [\r\n]+\u{2028}\u{202E}x")
        reporter.note("a\nb")
        #expect(screen.text == "warning: pattern [\u{FFFD}⏎]+⏎\u{FFFD}x\na⏎b\n")
        let fault = Fault(
            .badData, "a\nb", file: "c\nd", place: "tensor 'e\nf'", found: "g\nh", expected: "i\nj", advice: "k\nl")
        #expect(fault.description.split(separator: "\n").count == 5)
    }

    @Test func detailsAreForTheVerbose() {
        let screen = Screen()
        screen.reporter(terminal: false).detail("a")
        screen.reporter(.verbose, terminal: false).detail("b")
        #expect(screen.text == "b\n")
    }

    @Test func nothingToDoIsNoDivisionByZero() {
        let screen = Screen()
        let reporter = screen.reporter(terminal: true)
        reporter.begin("nothing", total: 0, unit: "blocks")
        screen.time = 2
        reporter.update(0)
        reporter.finish()
        #expect(screen.text.contains("nothing") && screen.text.contains("0 %"))
    }

    @Test func colourMarksTheFirstLine() {
        let style = Style(usesColour: true)
        #expect(style.error("error: a\n  file: b") == "\u{1B}[31;1merror: a\u{1B}[0m\n  file: b")
        #expect(Style(usesColour: false).error("error: a") == "error: a")
    }

    @Test func numbersReadWell() {
        #expect(Amount.count(1_234_567) == "1,234,567" && Amount.count(-12) == "-12" && Amount.count(999) == "999")
        #expect(Amount.bytes(98_362_432) == "98.4 MB" && Amount.bytes(999) == "999 bytes")
        #expect(Amount.bytes(999_960) == "1.0 MB")
        #expect(Amount.duration(0.85) == "850 ms" && Amount.duration(245) == "4m 05s")
        #expect(Amount.duration(7380) == "2h 03m" && Amount.duration(.nan) == "?")
        #expect(Amount.fixed(28.4324, 3) == "28.432" && Amount.fixed(-0.0001, 2) == "0.00")
        #expect(Amount.fixed(.nan, 2) == "not a number" && Amount.fixed(1e20, 1) == "1e+20")
        #expect(Amount.percent(0.5) == "50.0 %" && Amount.rate(9.94) == "9.9" && Amount.rate(1234.4) == "1,234")
    }
}
