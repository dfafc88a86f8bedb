import Calibration
import Faults
import Foundation
import TestSupport
import Testing

@Suite("Documents of text files")
struct DocumentTests {
    /// Packs one sample that holds everything, so that the tokens show the documents.
    private func tokens(_ path: String, count: Int) throws -> [Int32] {
        try build([path], samples: 1, length: count).rows[0]
    }

    private func ids(_ text: String) -> [Int32] { text.unicodeScalars.map { Int32($0.value) } }

    @Test("blank lines separate the documents of a .txt file; CRLF and a byte-order mark are tolerated")
    func paragraphs() throws {
        let folder = try TestFolder()
        let plain = try folder.write("a.txt", "\n \nab\ncd\n\n\t\nx\n")
        let windows = try folder.write("b.txt", Array("\u{FEFF}ab\r\ncd\r\n\r\nx".utf8))
        let wanted: Set<[Int32]> = [
            [1] + ids("ab\ncd") + [2, 1] + ids("x") + [2], [1] + ids("x") + [2, 1] + ids("ab\ncd") + [2],
        ]
        #expect(wanted.contains(try tokens(plain, count: 10)))
        #expect(try tokens(windows, count: 10) == tokens(plain, count: 10))
        let set = try build([plain], samples: 1, length: 10)
        #expect(set.sources[0]["documents"] == .integer(2))
    }

    @Test("each line of a .jsonl file says text, or prompt and completion; other keys are ignored")
    func jsonLines() throws {
        let folder = try TestFolder()
        let text = try folder.write("a.jsonl", "\u{FEFF}{\"id\": 1, \"text\": \"a\\u00e9\"}\r\n\r\n")
        #expect(try tokens(text, count: 4) == [1] + ids("aé") + [2])
        let pair = try folder.write("b.jsonl", "{\"prompt\": \"p \", \"completion\": \"c\", \"messages_count\": 2}")
        #expect(try tokens(pair, count: 5) == [1] + ids("p c") + [2])
    }

    @Test(
        "a wrong line of a .jsonl file is refused with file and line",
        arguments: [
            ("{\"text\": \"a\"", "line 2, column 13"), ("{\"txt\": \"a\"}", "line 2"), ("{\"text\": 1}", "line 2"),
            ("{\"text\": null}", "line 2"), ("[\"a\"]", "line 2"), ("{}", "line 2"), ("{\"prompt\": \"a\"}", "line 2"),
            ("{\"prompt\": \"a\", \"completion\": null}", "line 2"), ("{\"text\": \"a\\u0000b\"}", "line 2"),
            ("{\"text\": \"a\", \"text\": \"b\"}", "line 2, column 15"), ("{\"messages\": []}", "line 2"),
            ("{\"messages\": [{\"role\": \"user\"}]}", "line 2"),
            ("{\"messages\": [{\"role\": \"tool\", \"content\": \"\"}]}", "line 2"),
            ("{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}", "line 2"), ("text", "line 2, column 1"),
        ])
    func badLines(line: String, place: String) throws {
        let folder = try TestFolder()
        let path = try folder.write("a.jsonl", "{\"text\": \"good\"}\n\(line)\n{\"text\": \"good\"}\n")
        let fault = try #require(faultOf { () throws(Fault) in try build([path]) })
        #expect(fault.kind == .badData)
        #expect(fault.file == path)
        #expect(fault.place == place)
    }

    @Test("as many wrong lines as allowed are left out, counted and told")
    func skippedLines() throws {
        let folder = try TestFolder()
        let bad: [UInt8] = [0x61, 0xFF, 10]
        let path = try folder.write(
            "a.jsonl",
            Array("{\"text\": \"abcdefgh\"}\n{}\n".utf8) + bad + Array("{\"text\": \"ijklmnop\"}\n[1]\n".utf8))
        let clean = try folder.write("b.jsonl", "{\"text\": \"abcdefgh\"}\n{\"text\": \"ijklmnop\"}\n")
        let set = try build([path], skippedLines: 3)
        #expect(set.tokens == (try build([clean])).tokens)
        let source = set.manifest["sources"]?.arrayValue?.first?.objectValue
        #expect(source?["skipped_lines"]?.integerValue == 3)
        #expect(set.warnings.contains { $0.contains("3 invalid lines of a.jsonl") && $0.contains("line 2") })
        let fault = try #require(faultOf { () throws(Fault) in try build([path], skippedLines: 2) })
        #expect(fault.place == "line 5" && fault.summary.contains("2 invalid lines"))
    }

    @Test("bytes that are not UTF-8 and NUL are refused with the line", arguments: ["a.txt", "a.jsonl"])
    func badBytes(name: String) throws {
        let folder = try TestFolder()
        let good = Array(name.hasSuffix("txt") ? "ok\n".utf8 : "{\"text\": \"ok\"}\n".utf8)
        for bad: [UInt8] in [[0x61, 0xFF], [0x61, 0x00], [0xC3], [0xED, 0xA0, 0x80]] {
            let path = try folder.write(name, good + bad + [10])
            let fault = try #require(faultOf { () throws(Fault) in try build([path]) })
            #expect(fault.kind == .badData)
            #expect(fault.place == "line 2")
        }
    }

    @Test("what is packed with gzip is read as the same text, with the same digest, wherever it is named")
    func gzip() throws {
        let folder = try TestFolder()
        let lines = "{\"text\": \"abcdefgh\"}\n{\"text\": \"ijklmnop\"}\n"
        let list = "[{\"text\": \"abcdefgh\"},\n {\"text\": \"ijklmnop\"}]"
        for (name, text) in [
            ("a.txt", "abcdefgh\n\nijklmnop\n"), ("a", "abcdefgh\n\nijklmnop\n"), ("a.jsonl", lines),
            ("a.ndjson", lines), ("a.json", list),
        ] {
            let plain = try folder.write(name, text)
            let packed = try folder.write(name + ".gz", StoredGzip.of(text))
            let (expected, found) = (try build([plain]), try build([packed + "@2"]))
            #expect(found.tokens == expected.tokens, "\(name)")
            #expect(found.sources[0]["sha256"] == expected.sources[0]["sha256"])
            #expect(found.sources[0]["file"]?.stringValue == name + ".gz")
            _ = try build([plain], evaluation: [packed])
            if name.hasPrefix("a.j") || name.hasPrefix("a.n") {
                let evaluated = try EvaluationText(records: packed, chat: .missing, textField: nil)
                #expect(evaluated.text == "abcdefgh\n\nijklmnop" && evaluated.documents == 2)
            } else {
                #expect(try EvaluationText(packed).text == text)
            }
        }
        let damaged = try folder.write("b.txt.gz", StoredGzip.of("abcdefgh").dropLast(9))
        #expect(faultOf { () throws(Fault) in try build([damaged]) }?.kind == .badData)
        // Once is enough.
        let twice = try folder.write("c.txt.gz", StoredGzip.of(StoredGzip.of("abcdefgh")))
        #expect(faultOf { () throws(Fault) in try build([twice]) }?.summary == "this file is compressed")
    }

    @Test("compressed data under another name is recognised")
    func disguisedGzip() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", [0x1F, 0x8B, 8, 0, 0])
        #expect(try #require(faultOf { () throws(Fault) in try build([path]) }).advice?.contains("end in .gz") == true)
    }

    @Test("lines across the reader's buffers come out whole")
    func longLines() throws {
        let folder = try TestFolder()
        let long = String(repeating: "xyz", count: 360_000)
        let path = try folder.write("a.txt", long + "\r\nend\n\nlast")
        let set = try build([path], samples: 1, length: 1_080_012, context: 2_000_000)
        let text = String(String.UnicodeScalarView(set.rows[0].compactMap { Unicode.Scalar(UInt32($0)) }))
        #expect(text.contains(long + "\nend\u{2}"))
        #expect(text.contains("\u{1}last\u{2}"))
    }

    @Test("a missing file is a missing input, a folder is bad data")
    func missingFile() throws {
        let folder = try TestFolder()
        #expect(faultOf { () throws(Fault) in try build([folder.url.path + "/no.txt"]) }?.kind == .missingInput)
        let named = folder.url.appendingPathComponent("dir.txt")
        try FileManager.default.createDirectory(at: named, withIntermediateDirectories: false)
        #expect(faultOf { () throws(Fault) in try build([named.path]) }?.kind == .badData)
    }

    @Test("an evaluation text is the whole file, line ends included")
    func evaluationText() throws {
        let folder = try TestFolder()
        let text = try EvaluationText(try folder.write("a.raw", "\u{FEFF} a\r\n\r\nb \n"))
        #expect(Array(text.text.utf8) == Array(" a\r\n\r\nb \n".utf8))
        let bad = try folder.write("b.raw", [0x61, 10, 0x80])
        #expect(faultOf { () throws(Fault) in try EvaluationText(bad) }?.place == "line 2")
        let empty = try folder.write("c.raw", "")
        #expect(faultOf { () throws(Fault) in try EvaluationText(empty) }?.kind == .badData)
    }
}
