import Checkpoints
import Testing

@testable import EspalierCommands
@testable import EspalierKit

@Suite("Layers of a GGUF file")
struct GGUFLayoutTests {
    private func layout(_ shapes: [(Int, Int, Int)]) throws -> GGUFLayout {
        let folder = try model { $0.layers = shapes.count }
        let configuration = try OpenedModel(folder.path).configuration.with(
            layers: shapes.map { LayerShape(headCount: $0.0, keyValueHeadCount: $0.1, intermediateSize: $0.2) })
        return GGUFLayout(configuration)
    }

    @Test("layers of one shape stay as they are")
    func uniform() throws {
        let layout = try layout([(2, 1, 24), (2, 1, 24)])
        #expect(!layout.isRagged && layout.dropped.isEmpty)
        #expect(layout.layers.allSatisfy { !$0.hasZeroMLP && !$0.hasZeroAttention })
    }

    @Test("missing halves become zeros where llama.cpp needs them, and empty layers are left out")
    func ragged() throws {
        let layout = try layout([(0, 0, 0), (0, 0, 8), (4, 2, 0), (0, 0, 0), (0, 0, 24), (2, 1, 0)])
        #expect(layout.isRagged && layout.dropped == [0, 3])
        #expect(layout.layers.map(\.source) == [1, 2, 4, 5])
        #expect(layout.layers.map(\.shape.headCount) == [1, 4, 0, 2])
        #expect(layout.layers.map(\.shape.keyValueHeadCount) == [1, 2, 0, 1])
        #expect(layout.layers.map(\.shape.intermediateSize) == [8, 32, 24, 32])
        #expect(layout.layers.map(\.hasZeroAttention) == [true, false, false, false])
        #expect(layout.layers.map(\.hasZeroMLP) == [false, true, false, true])
    }

    @Test("layers of one shape without a half are ragged, too")
    func halves() throws {
        #expect(try layout([(4, 2, 0), (4, 2, 0)]).isRagged)
        #expect(try layout([(0, 0, 24), (0, 0, 24)]).layers.map(\.hasZeroAttention) == [true, false])
    }

    @Test("rows of heads are interleaved as the reader puts them back")
    func interleaved() {
        let values = (0..<8).map(Float.init)
        #expect(GGUFTensorWriter.interleaved(values, rows: 8, head: 4) == [0, 2, 1, 3, 4, 6, 5, 7])
        #expect(GGUFTensorWriter.interleaved(values, rows: 4, head: 4) == [0, 1, 4, 5, 2, 3, 6, 7])
    }
}
