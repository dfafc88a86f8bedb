import Faults
import Testing

@testable import EspalierCommands
@testable import EspalierKit

@Suite("Texts of others' files")
struct LegibilityTests {
    private static let hostile = "a\u{1B}[31m\u{200B}\u{202E}\u{061C}\u{FEFF}\u{E0041}\u{9B}\u{2028}\nALARM: none"

    private func isClean(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            $0 == "\n" || ![.control, .format, .lineSeparator].contains($0.properties.generalCategory)
        }
    }

    @Test("every part of a message is harmless and cut") func messages() {
        let long = String(repeating: LegibilityTests.hostile, count: 1000)
        let text = Fault(
            .badData, long, file: long, place: long, found: long, expected: long, advice: long
        ).description
        #expect(isClean(text))
        #expect(text.split(separator: "\n").count == 5)
        #expect(text.unicodeScalars.count < 2600)
    }

    @Test("tables, warnings and notes stay on their lines") func lines() {
        var table = TextTable()
        table.add("name", LegibilityTests.hostile)
        #expect(isClean(table.text) && table.text.split(separator: "\n").count == 1)

        var written: [String] = []
        let reporter = ProgressReporter(
            surroundings: .init(
                isTerminal: false, style: Style(usesColour: false), width: { 80 }, clock: { 0 },
                write: { written.append($0) }))
        reporter.warning(String(repeating: LegibilityTests.hostile, count: 1000))
        reporter.note(LegibilityTests.hostile)
        #expect(written.count == 2)
        #expect(written.allSatisfy { isClean($0) && $0.split(separator: "\n").count == 1 })
        #expect(written.allSatisfy { $0.unicodeScalars.count < 2100 })
    }

    @Test("generated text keeps its lines and joiners on a terminal, and nothing that it would obey") func generated() {
        #expect(LegibleText.lines("a\n\tb\u{200D}c\u{1B}]0;x\u{7}") == "a\n\tb\u{200D}c\u{FFFD}]0;x\u{FFFD}")
    }

    @Test("a tokenizer's names cannot reach the terminal") func tokenizer() {
        let summary = TokenizerSummary(
            tokens: 9, specialTokens: 1, prefix: [LegibilityTests.hostile],
            end: Array(repeating: LegibilityTests.hostile, count: 100), unusedRows: 0)
        #expect(isClean(summary.text) && summary.text.contains("95 more"))
    }
}
