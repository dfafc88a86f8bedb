import Faults
import Foundation
import TestSupport
import Testing
import Torch

@testable import Decoders
@testable import Pruning

/// Hidden states in memory and in a file behave alike.
struct HiddenStreamTests {
    @Test(arguments: [DType.float32, .bfloat16, .float16])
    func aFileHoldsWhatMemoryHolds(_ type: DType) throws {
        let folder = try TemporaryFolder()
        let memory = try HiddenStream(samples: 5, tokens: 3, hidden: 4, dtype: type)
        let file = try HiddenStream(samples: 5, tokens: 3, hidden: 4, dtype: type, place: .folder(folder.path))
        var draws = Draws(1)
        let values = draws.tensor([5, 3, 4])
        for stream in [memory, file] {
            try stream.write(values.narrowed(0, 0, 2), at: 0)
            try stream.write(values.narrowed(0, 2, 3), at: 2)
        }
        let expected = values.to(type).floats()
        for stream in [memory, file] {
            let read = try stream.read(0..<5)
            #expect(read.dtype == .float32)
            #expect(read.floats() == expected)
            #expect(
                try stream.read([4, 0, 4]).floats()
                    == [expected[48...], expected[..<12], expected[48...]].flatMap { $0 })
            #expect(try stream.read(contiguous: [1, 2]).floats() == Array(expected[12..<36]))
            #expect(
                try stream.read(contiguous: [2, 1]).floats() == Array(expected[24..<36]) + Array(expected[12..<24]))
            #expect(stream.byteCount == 60 * type.byteCount)
        }
    }

    @Test func aCopyGoesItsOwnWay() throws {
        let folder = try TemporaryFolder()
        for offload in [nil, folder.path] {
            let stream = try HiddenStream(
                samples: 9, tokens: 1, hidden: 2, place: offload.map(HiddenStream.Place.folder) ?? .memory(.cpu))
            try stream.write(Tensor.full([9, 1, 2], 1), at: 0)
            let copy = try stream.copied()
            try stream.write(Tensor.full([1, 1, 2], 5), at: 8)
            #expect(try copy.read(0..<9).floats() == [Float](repeating: 1, count: 18))
        }
    }

    @Test func nothingIsLeftInTheFolder() throws {
        let folder = try TemporaryFolder()
        let stream = try HiddenStream(samples: 2, tokens: 2, hidden: 2, place: .folder(folder.path))
        try stream.write(Tensor.zeros([2, 2, 2]), at: 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func aFolderThatCannotBeWrittenIsAFault() throws {
        #expect {
            _ = try HiddenStream(samples: 1, tokens: 1, hidden: 1, place: .folder("/nowhere/at/all"))
        } throws: { error in
            (error as? Fault)?.kind == .inputOutput && (error as? Fault)?.file == "/nowhere/at/all"
        }
    }

    #if os(Linux)
        /// Found when the stream is made, not when the disk is full in the middle of the work.
        @Test func aStreamLargerThanTheDiskIsRefusedAtOnce() throws {
            let folder = try TemporaryFolder()
            #expect {
                _ = try HiddenStream(samples: 1 << 20, tokens: 1 << 20, hidden: 1 << 12, place: .folder(folder.path))
            } throws: { error in
                (error as? Fault)?.kind == .inputOutput
            }
        }
    #endif

    @Test func batchesCoverAllSamplesOnce() throws {
        let stream = try HiddenStream(samples: 7, tokens: 1, hidden: 1)
        #expect(stream.batches(of: 3) == [0..<3, 3..<6, 6..<7])
    }
}
