import Faults
import Foundation
import Recipes
import RunSupport
import Testing

@testable import Runs

@Suite("Recovery on the assistant's turns")
struct RecoverTurnsTests: RecoverySuite {
    let bench: Bench

    init() throws { bench = try RecoveryBench.bench() }

    private func writeAnswers(_ letters: Int) throws -> String {
        let words = ["abcdefghij", "bdfhjacegi", "jihgfedcba"]
        let records = (0..<60).map { index in
            let word = words[index % 3]
            return "{\"prompt\":\"\(word.dropLast(letters))\",\"completion\":\"\(word.suffix(letters))\"}\n"
        }
        let path = bench.path("answers.jsonl")
        try Data(records.joined().utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("a loss on the assistant's turns counts these, and says so")
    func turns() throws {
        let answers = try writeAnswers(3)
        func change(_ recipe: inout RecoverRecipe) {
            recipe.calibration = [answers]
            recipe.sequenceLength = 10
            recipe.turns = .assistant
        }
        let result = try recover("out", change)
        // Three letters of ten: no row begins with one of them.
        #expect(result.countedPositions == 12 * 4 * 3 && result.tokens == 12 * 4 * 10)
        #expect(result.after < result.before)
        let record = String(decoding: try #require(try bench.files("out")["recovery.json"]), as: UTF8.self)
        #expect(record.contains(#""turns": "assistant""#) && record.contains(#""counted_positions": 144"#))
        let recipe = String(decoding: try #require(try bench.files("out")["recovery.yaml"]), as: UTF8.self)
        #expect(recipe.contains("turns: assistant"))
        let card = String(decoding: try #require(try bench.files("out")["README.md"]), as: UTF8.self)
        #expect(card.contains("the loss kl on the assistant's turns of conversations: 12 steps"))
        let all = try recover("all") {
            change(&$0)
            $0.turns = nil
        }
        #expect(all.countedPositions == 12 * 4 * 9 && all.curve != result.curve)
        #expect(try RecoverPlan(try context(try settings("plan", change))).countedShare == 0.3)
    }

    @Test("a run on the assistant's turns continues as itself alone")
    func turnsResumed() throws {
        let answers = try writeAnswers(3)
        let copies = try copies {
            $0.calibration = [answers]
            $0.sequenceLength = 10
            $0.turns = .assistant
            $0.steps = 6
        }
        let whole = try bench.files("out")
        bench.remove("out")
        try bench.copy(copies[5], to: "out.partial")
        let settings = try RecoverRun.interrupted(output: bench.path("out"))
        #expect(settings.turns == .assistant)
        // The same tokens, of which others count.
        _ = try writeAnswers(4)
        let found = fault { _ = try RecoverRun(try context(settings)).resume() }
        #expect(found?.kind == .usage && found?.summary.contains("the text's tokens") == true)
        _ = try writeAnswers(3)
        _ = try RecoverRun(try context(settings)).resume()
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }

    @Test("text that was read without its turns is not trained on by them")
    func turnsUnread() throws {
        let context = try context(try settings("out"))
        var settings = try settings("out")
        settings.turns = .assistant
        let set = try #require(context.run.calibration)
        let found = fault {
            _ = try RecoverContext(
                settings, student: context.decoder, teacher: context.teacher, compute: .float32, calibration: set)
        }
        #expect(found?.kind == .usage)
    }
}
