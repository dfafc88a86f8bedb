import Calibration
import Faults
import Foundation
import Testing

@Suite("Token files")
struct TokenFileTests {
    @Test("the only source keeps its rows as they are and in order", arguments: [false, true])
    func onlySource(isWide: Bool) throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [[1, 2, 3], [4, 5, 6], [7, 8, 9]], isWide: isWide)
        let set = try build([path], samples: 2, length: nil, seed: 9)
        #expect(set.rows == [[1, 2, 3], [4, 5, 6]])
        #expect(set.warnings.isEmpty)
        #expect(try build([path], samples: 2, length: 2).rows == [[1, 2], [4, 5]])
    }

    @Test("rows shorter than the length asked for are refused")
    func shortRows() throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [[1, 2, 3]])
        let fault = try #require(faultOf { () throws(Fault) in try build([path], length: 4) })
        #expect(fault.kind == .badData)
        #expect(fault.found == "3 tokens")
    }

    @Test("rows longer than the model's context are cut, with a warning")
    func longRows() throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [[1, 2, 3]])
        let set = try build([path], samples: 1, length: nil, context: 2)
        #expect(set.rows == [[1, 2]])
        #expect(set.warnings.count == 1)
    }

    @Test("an id outside the vocabulary is refused with row, column and id", arguments: [100, -1, 1 << 40])
    func outOfVocabulary(id: Int) throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [[1, 2, 99], [4, id, 6]], isWide: true)
        let fault = try #require(faultOf { () throws(Fault) in try build([path], length: nil, vocabulary: 100) })
        #expect(fault.kind == .badData)
        #expect(fault.place == "row 1, column 1")
        #expect(fault.found == "id \(id)")
        #expect(fault.expected == "0 to 99")
    }

    @Test("another tensor, an empty matrix and a file that is no safetensors are bad data")
    func wrongFiles() throws {
        let folder = try TestFolder()
        let paths = [
            try folder.writeTokens("a.safetensors", [[1]], tensor: "input_ids"),
            try folder.writeTokens("b.safetensors", []), try folder.write("c.safetensors", "abc"),
        ]
        for path in paths { #expect(faultOf { () throws(Fault) in try build([path]) }?.kind == .badData) }
    }

    @Test("the matrix of a file is read for evaluation, with the file's digest")
    func evaluationTokens() throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [[1, 2], [3, 4]])
        let file = try TokenFile(path, vocabularySize: 5)
        #expect(file.tokens.values == [1, 2, 3, 4])
        #expect(Array(file.tokens[1]) == [3, 4])
        #expect(file.digest.count == 64)
    }

    static let data = ProcessInfo.processInfo.environment["ESPALIER_TEST_DATA"]

    @Test("real token files are read", .enabled(if: data != nil))
    func realFile() throws {
        let path = (TokenFileTests.data ?? "") + "/data/tokens/calib-c4-64x512.safetensors"
        let set = try build([path], samples: 64, length: nil, context: 8192, vocabulary: 49_152)
        #expect(set.tokens.rows == 64)
        #expect(set.tokens.columns == 512)
        #expect(set.warnings.isEmpty)
    }
}
