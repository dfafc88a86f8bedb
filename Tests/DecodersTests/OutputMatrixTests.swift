import Checkpoints
import Randomness
import TestSupport
import Testing
import Torch

@testable import Decoders

/// One pass over the vocabulary in pieces against the logits of all of it.
struct OutputMatrixTests {
    private func random(_ shape: [Int], _ seed: UInt64) -> Tensor {
        var generator = SplitMix64(seed: seed)
        return Tensor(
            (0..<shape.reduce(1, *)).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 }, shape: shape)
    }

    /// More tokens than are read together, and more positions than a piece has.
    @Test(arguments: [DType.float32, .bfloat16, .float16]) func piecesAreTheWhole(_ type: DType) throws {
        let (vocabulary, positions, hidden) = (8192 + 700, 1024 + 90, 6)
        let heads = [UInt64(1), 2].map { seed in
            Head(
                norm: random([hidden], seed), weight: (random([vocabulary, hidden], 10 + seed) * 4).to(type),
                epsilon: 1e-5)
        }
        let streams = [UInt64(3), 4].map { random([positions, hidden], $0) }
        let targets = (0..<positions).map { $0 == 1030 ? -1 : Int64($0 * 7919 % vocabulary) }
        let found = try heads[0].matrix.scores(
            streams[0], against: .model(heads[1].matrix, stream: streams[1]), targets: targets)
        let kept = try heads[0].matrix.scores(
            streams[0], against: .logits(try heads[1].matrix.logits(streams[1])), targets: targets)
        #expect(found.count == positions - 1 && kept.count == positions - 1)
        let logP = heads[0](streams[0]).to(.float64).logSoftmax(1)
        let logQ = heads[1](streams[1]).to(.float64).logSoftmax(1)
        let divergences = ((logQ - logP) * logQ.exponential()).sum(1).doubles()
        let index = Tensor(targets.map { max(0, $0) }, shape: [positions, 1])
        let losses = logP.gathered(index, dimension: 1).doubles()
        // Products of other sizes add in another order, which a narrow type's last bit may show.
        let bound = type == .float32 ? 1e-5 : type == .float16 ? 4e-3 : 3e-2
        var errors: [Double] = []
        for (place, position) in (0..<positions).filter({ targets[$0] >= 0 }).enumerated() {
            errors.append(abs(found[place].loss + losses[position]))
            errors.append(abs(found[place].divergence - divergences[position]))
            errors.append(abs(kept[place].divergence - divergences[position]))
        }
        // One that is not a number is not below the bound either.
        #expect(errors.allSatisfy { $0 < bound })
    }

    /// The table is read where it is needed; a GGUF file's and a folder's.
    @Test func embeddingsOfSomeTokensAreRowsOfTheTable() throws {
        let folder = try TemporaryFolder()
        try TinyModel().write(to: folder)
        let decoder = try Decoder(try Checkpoint.open(folder.path))
        let last = Int32(decoder.configuration.vocabularySize - 1)
        let ids: [Int32] = [3, last, 0, 3, 1]
        let expected = try decoder.embedding().selected(Tensor(ids.map(Int64.init)))
        #expect(try decoder.embedded(ids).floats() == expected.floats())
    }

    @Test func rowsThatAreNearAreReadTogether() {
        #expect(Decoder.parts(of: [3, 5, 21, 40, 41]) == [3..<22, 40..<42])
        #expect(Decoder.parts(of: Array(0..<5000)) == [0..<4096, 4096..<5000])
        #expect(Decoder.parts(of: []) == [])
    }
}
