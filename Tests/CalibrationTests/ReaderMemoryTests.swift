import Files
import Testing

@testable import Calibration

// The bounds leave some MiB for pages of the program that are read at first use.
/// What the readers of large files hold, measured in a process of their own.
@Suite(.enabled(if: Machine.peakMemoryBytes > 0)) struct ReaderMemoryTests {
    @Test("a line of many megabytes takes three times its length at most, and a buffer")
    func line() async {
        await #expect(processExitsWith: .success) {
            let folder = try TestFolder()
            let length = 12 << 20
            let path = try folder.write("l.txt", "short\n" + String(repeating: "a", count: length) + "\nshort\n")
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            var reader = try LineReader(ByteFile(path))
            var lengths: [Int] = []
            while let line = try reader.next() { lengths.append(line.bytes.count) }
            let taken = Machine.peakMemoryBytes - before
            try #require(lengths == [5, length, 5])
            try #require(taken > length && taken < 3 * length + 6 << 20, "\(taken) bytes")
        }
    }

    @Test("a record of many megabytes takes less than three times its length")
    func record() async {
        await #expect(processExitsWith: .success) {
            let length = 8 << 20
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            var splitter = JSONArraySplitter(.array)
            for byte in "[{\"a\":\"".utf8 { _ = try splitter.take(byte) }
            for _ in 0..<length { _ = try splitter.take(UInt8(ascii: "a")) }
            var found: JSONArraySplitter.Element?
            for byte in "\"}".utf8 { found = try splitter.take(byte) }
            let taken = Machine.peakMemoryBytes - before
            try #require(found?.bytes.count == length + 8)
            try #require(taken > length && taken < 3 * length + 6 << 20, "\(taken) bytes")
        }
    }

    @Test("rows beyond those that are kept take no memory")
    func rows() async {
        await #expect(processExitsWith: .success) {
            var packer = RowPacker(length: 1000, most: 3)
            let tokens = [Int32](repeating: 1, count: 500_000)
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            for _ in 0..<200 { packer.append(tokens) }
            let taken = Machine.peakMemoryBytes - before
            try #require(packer.rows.count == 3 && packer.tokenCount == 100_000_000)
            try #require(taken < 16 << 20, "\(taken) bytes")
        }
    }
}
