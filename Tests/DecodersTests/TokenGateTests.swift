import Checkpoints
import Faults
import TestSupport
import Testing
import Torch

@testable import Decoders

@Suite("Token ids that a model does not have")
struct TokenGateTests {
    @Test("are refused wherever they reach the embedding", arguments: [Int32(-1), 64, Int32.max, Int32.min])
    func gate(id: Int32) throws {
        let folder = try TemporaryFolder()
        var tiny = TinyModel()
        tiny.vocabulary = 64
        tiny.hasTokenizer = false
        try tiny.write(to: folder)
        let decoder = try Decoder(try Checkpoint.open(folder.path))
        let streamed = try #require(throws: Fault.self) { try decoder.embedded([1, id]) }
        #expect(streamed.kind == .badData && streamed.found == "id \(id)")
        let model = try LoadedDecoder(decoder, dtype: .float32, capacity: 4)
        let loaded = try #require(throws: Fault.self) { try model.logits([id], cache: model.makeCache()) }
        #expect(loaded.kind == .badData)
    }

    @Test("a sequence that no memory holds is refused before its room is taken")
    func room() throws {
        let folder = try TemporaryFolder()
        try TinyModel().write(to: folder)
        let decoder = try Decoder(try Checkpoint.open(folder.path))
        let found = try #require(throws: Fault.self) { try LoadedDecoder(decoder, dtype: .float32, capacity: 1 << 50) }
        #expect(found.kind == .interrupted && found.expected != nil)
    }
}
