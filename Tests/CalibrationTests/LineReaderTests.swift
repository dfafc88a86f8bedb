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

@Suite("Random numbers and shares")
struct GeneratorTests {
    @Test("SplitMix64 gives its published sequence")
    func publishedSequence() {
        var generator = SplitMix64(seed: 1_234_567)
        #expect(
            (0..<3).map { _ in generator.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }

    @Test("an order holds every number once")
    func order() {
        var generator = SplitMix64(seed: 3)
        let order = generator.order(100)
        #expect(order.sorted() == Array(0..<100))
        #expect(order != Array(0..<100))
        #expect(generator.order(0).isEmpty)
        #expect(generator.order(1) == [0])
    }

    @Test("shares add up to the whole and follow the weights")
    func shares() {
        #expect(Apportionment.shares(of: 10, weights: [1, 1, 1]) == [4, 3, 3])
        #expect(Apportionment.shares(of: 128, weights: [0.5, 0.25, 0.25]) == [64, 32, 32])
        #expect(Apportionment.shares(of: 2, weights: [1, 1000]) == [0, 2])
        for total in 0..<50 {
            #expect(Apportionment.shares(of: total, weights: [0.1, 2.7, 1e-3, 33]).reduce(0, +) == total)
        }
    }
}
