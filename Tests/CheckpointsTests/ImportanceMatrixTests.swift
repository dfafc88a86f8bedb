import Faults
import Foundation
import TestSupport
import Testing

@testable import Checkpoints

struct ImportanceMatrixTests {
    private let matrix = ImportanceMatrix(
        entries: [
            "blk.0.attn_q.weight": .init(sums: [1, 3, 0, 4], count: 8),
            "blk.0.ffn_down.weight": .init(sums: [0.5, 0.25], count: 8),
        ], datasets: ["news.txt"], chunks: 2, chunkSize: 4)

    /// A file of the form before GGUF.
    private func earlier(calls: Int32, sums: [Float], name: String = "blk.0.attn_q.weight") -> Data {
        var data = Data()
        func add(_ value: Int32) { withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) } }
        add(1)
        add(Int32(name.utf8.count))
        data.append(contentsOf: name.utf8)
        add(calls)
        add(Int32(sums.count))
        for sum in sums { withUnsafeBytes(of: sum.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        // The number of calls and the text's name follow.
        add(5)
        add(0)
        return data
    }

    @Test func whatIsWrittenIsRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("imatrix.gguf")
        try Data(matrix.bytes(file: path)).write(to: URL(fileURLWithPath: path))
        #expect(try ImportanceMatrix(reading: path) == matrix)
        // It is no model.
        #expect(faultMistakes(.badData, ["importance matrix"]) { try Checkpoint.open(path) } == [])
    }

    @Test func theEarlierFormIsRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("imatrix.dat")
        try earlier(calls: 5, sums: [5, 15, 0, 20]).write(to: URL(fileURLWithPath: path))
        let read = try ImportanceMatrix(reading: path)
        #expect(read.entries == ["blk.0.attn_q.weight": .init(sums: [5, 15, 0, 20], count: 5)])
        // Means count, and how large all of them are does not.
        #expect(read.weights("blk.0.attn_q.weight") == matrix.weights("blk.0.attn_q.weight"))
    }

    @Test func weightsAreMeansWithAFloor() throws {
        #expect(try #require(matrix.weights("blk.0.attn_q.weight")) == [0.501, 1.501, 0.001, 2.001])
        #expect(matrix.weights("blk.1.attn_q.weight") == nil)
        let zeros = ImportanceMatrix(
            entries: ["a": .init(sums: [0, 0], count: 1)], datasets: [], chunks: 0, chunkSize: 0)
        #expect(zeros.weights("a") == nil)
    }

    @Test func wrongFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        func mistakes(_ data: Data, _ words: [String]) throws -> [String] {
            let path = folder.path("wrong")
            try data.write(to: URL(fileURLWithPath: path))
            return faultMistakes(.badData, words) { try ImportanceMatrix(reading: path) }
        }
        #expect(try mistakes(earlier(calls: 1, sums: [1, -1]), ["cannot be one", "input 1", "-1"]) == [])
        #expect(try mistakes(earlier(calls: 1, sums: [.nan]), ["cannot be one", "input 0"]) == [])
        #expect(try mistakes(earlier(calls: 1, sums: [1]).prefix(20), ["wrong"]) == [])
        #expect(try mistakes(earlier(calls: 1, sums: []), ["without inputs", "blk.0.attn_q.weight"]) == [])
        #expect(
            try mistakes(
                earlier(calls: 1, sums: [1], name: String(repeating: "n", count: 56)), ["too long", "56 bytes"]) == [])
        var twice = Data([2, 0, 0, 0])
        for _ in 0..<2 { twice += earlier(calls: 1, sums: [1]).dropFirst(4).dropLast(8) }
        #expect(try mistakes(twice, ["twice", "blk.0.attn_q.weight"]) == [])
        var empty = matrix
        empty.entries["blk.1.attn_q.weight"] = .init(sums: [], count: 1)
        #expect(try mistakes(Data(empty.bytes(file: "")), ["without inputs", "blk.1.attn_q.weight"]) == [])
        #expect(try mistakes(Data("some text of no importance".utf8), ["no importance matrix"]) == [])
        #expect(try mistakes(Data([0, 0, 0, 0]), ["is empty"]) == [])
        #expect(
            try mistakes(Data(GGUFHeader(GGUFKeys(file: ""), []).bytes), ["no importance matrix", "imatrix"]) == [])
    }
}
