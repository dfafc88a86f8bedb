import Faults
import Testing

@testable import Calibration

@Suite("Reading lines")
struct LineReaderTests {
    private func lines(_ path: String, longest: Int) throws -> [LineReader.Line] {
        var reader = try LineReader(try ByteFile(path), longestLine: longest)
        var lines: [LineReader.Line] = []
        while let line = try reader.next() { lines.append(line) }
        return lines
    }

    @Test("lines carry their number and offset, with or without a last newline")
    func numbersAndOffsets() throws {
        let folder = try TestFolder()
        for end in ["", "\n"] {
            let found = try lines(try folder.write("a", "\u{FEFF}ab\r\n\nc\rd" + end), longest: 100)
            #expect(found.map(\.number) == [1, 2, 3])
            #expect(found.map(\.offset) == [3, 7, 8])
            #expect(found.map(\.bytes) == [Array("ab".utf8), [], Array("c\rd".utf8)])
        }
        #expect(try lines(try folder.write("b", ""), longest: 9).isEmpty)
    }

    @Test("lines longer than the buffer keep their bytes, numbers and offsets, as do those around them")
    func longerThanTheBuffer() throws {
        let folder = try TestFolder()
        let long = String(repeating: "äbc", count: 900_000)
        let found = try lines(try folder.write("a", "x\n\(long)\r\ny\n\(long)"), longest: 4 << 20)
        #expect(found.map(\.number) == [1, 2, 3, 4])
        let count = long.utf8.count
        #expect(found.map(\.offset) == [0, 2, count + 4, count + 6])
        #expect(found[0].bytes == [120] && found[2].bytes == [121])
        #expect(found[1].bytes == Array(long.utf8) && found[3].bytes == Array(long.utf8))
        let broken = try folder.write("b", [UInt8](repeating: 97, count: 3 << 20) + [0xC3, 10])
        #expect(faultOfReading(broken, longest: 4 << 20)?.summary == "the line is not UTF-8")
    }

    @Test("a line that is too long is refused with its number, at any place in the file")
    func longLine() throws {
        #expect(LineReader.longestLine == 64 << 20)
        let folder = try TestFolder()
        for end in ["", "\n", "\nnext"] {
            let path = try folder.write("a", "ok\n" + String(repeating: "x", count: 101) + end)
            #expect(faultOfReading(path, longest: 100)?.place == "line 2")
            #expect(faultOfReading(path, longest: 101) == nil)
        }
        // Longer than the reader's buffer: it gives up before the end of the line.
        let path = try folder.write("b", String(repeating: "x", count: 3 << 20))
        #expect(faultOfReading(path, longest: 1 << 20)?.summary == "a line is too long")
    }

    @Test("a document of many lines is bounded as a line is")
    func longDocument() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", "a\n\n" + String(repeating: "xxxx\n", count: 20))
        let fault = faultOf { () throws(Fault) in
            try DocumentFile(path, isJSON: false, chat: .missing, longestLine: 50)
        }
        #expect(fault?.kind == .badData)
        #expect(fault?.place == "lines 3 to 13")
    }

    private func faultOfReading(_ path: String, longest: Int) -> Fault? {
        faultOf { () throws(Fault) in
            var reader = try LineReader(try ByteFile(path), longestLine: longest)
            while try reader.next() != nil {}
        }
    }
}
