import Checkpoints
import Decoders
import TestSupport
import Testing
import Torch

@testable import Pruning

/// The dense model's states on the way back, all kept or made again.
struct StateTapeTests {
    private let folder: TemporaryFolder
    private let decoder: Decoder

    init() throws {
        folder = try TemporaryFolder()
        var tiny = TinyModel()
        tiny.layers = 7
        try tiny.write(to: folder)
        decoder = try Decoder(try Checkpoint.open(folder.path))
    }

    private func input() throws -> HiddenStream {
        var draws = Draws(3)
        let hidden = decoder.configuration.hiddenSize
        let stream = try HiddenStream(samples: 3, tokens: 5, hidden: hidden)
        try stream.write(draws.tensor([3, 5, hidden]), at: 0)
        return stream
    }

    private func tape(bytes: Int) throws -> StateTape {
        try StateTape(
            Passage(decoder, compute: .float32), input: try input(), rotary: decoder.rotary(positions: 5), batch: 2,
            place: .memory(.cpu), bytes: bytes
        ) { _ in }
    }

    @Test("states that are made again are those that were not kept", arguments: [0, 4 * 480, 6 * 480])
    func again(bytes: Int) throws {
        let (whole, sparse) = (try tape(bytes: .max), try tape(bytes: bytes))
        for layer in (0...7).reversed() {
            #expect(
                try sparse.front(of: layer).read(0..<3).floats() == (try whole.front(of: layer).read(0..<3).floats()),
                "block \(layer)")
        }
    }

    @Test("the distance is the smallest that fits, or that with the fewest states")
    func spacings() {
        // What is kept and what is made again together, by trying.
        func held(_ spacing: Int, _ layers: Int) -> Int { (layers + spacing - 1) / spacing + spacing }
        #expect(StateTape.spacing(layers: 30, state: 10, bytes: 300) == 1)
        #expect(StateTape.spacing(layers: 30, state: 10, bytes: 299) == 2)
        #expect(StateTape.spacing(layers: 30, state: 10, bytes: 130) == 3)
        for layers in [1, 2, 7, 30, 80] {
            let fewest = (1...layers).map { held($0, layers) }.min() ?? 0
            #expect(held(StateTape.spacing(layers: layers, state: 10, bytes: 0), layers) == fewest)
        }
    }
}
