import Faults
import Files
import Foundation
import JSONText
import TestSupport
import Testing

struct JournalTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("journal.jsonl")
    }

    @Test func whatWasWrittenBehindTheLinesThatWereReadIsNotCutOff() throws {
        try folder.write("journal.jsonl", "1\n2")
        let known = try Journal.contents(path)
        #expect(known.lines.count == 1 && known.wholeBytes == 2 && known.tornBytes == 1)
        try folder.write("journal.jsonl", "1\n2\n")
        fault(.inputOutput, "was changed", "4 bytes now") { try Journal(path, behind: known) }
        #expect(try Journal.read(path).count == 2)
        try Journal(path, behind: try Journal.contents(path)).append(.integer(3))
        #expect(try Journal.read(path).count == 3)
    }

    @Test func linesAreReadBackInOrder() throws {
        let journal = try Journal(path)
        try journal.append(.object(["block": .integer(0), "text": .string("a\nb")]))
        try journal.append(.array([.number("1e-05")]))
        #expect(try Journal.read(path).map { $0.text(pretty: false) } == [#"{"block":0,"text":"a\nb"}"#, "[1e-05]"])
        #expect(try Journal.read(folder.path("none")).isEmpty)
    }

    @Test(arguments: ["{\"block\":1", "{\"block\":", "{\"blo", "\u{0}\u{0}\u{0}"])
    func tornLastLineIsDiscardedAndCutOff(torn: String) throws {
        try folder.write("journal.jsonl", "{\"block\":0}\n" + torn)
        #expect(try Journal.read(path).count == 1)
        #expect(try Journal.contents(path).tornBytes == torn.utf8.count)
        try Journal(path).append(.integer(7))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"block\":0}\n7\n")
    }

    @Test(arguments: ["{\"blo\n", "\u{0}\u{0}\u{0}\n", "\n"])
    func lastLineThatIsWholeButDamagedIsRefusedAndStays(last: String) throws {
        try folder.write("journal.jsonl", "{\"block\":0}\n" + last)
        fault(.badData, "journal is damaged", "line 2") { try Journal.read(path) }
        fault(.badData, "journal is damaged") { try Journal(path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"block\":0}\n" + last)
    }

    @Test(.timeLimit(.minutes(1))) func pipeInThePlaceOfAJournalDoesNotHang() {
        #expect(mkfifo(path, 0o600) == 0)
        fault(.badData, "not a regular file") { try Journal.read(path) }
        fault(.badData, "not a regular file") { try Journal(path) }
    }

    @Test func damagedLineInTheMiddleIsRefused() throws {
        try folder.write("journal.jsonl", "1\n{\n3\n")
        fault(.badData, "journal is damaged", "line 2") { try Journal.read(path) }
    }
}
