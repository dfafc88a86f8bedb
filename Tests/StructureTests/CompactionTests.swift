import Checkpoints
import TestSupport
import Testing
import Torch

@testable import Decoders
@testable import Structure

@Suite("Compaction")
struct CompactionTests {
    /// Candidates by weights alone, with a removal of every kind.
    private func candidates(_ block: Block, _ shape: LayerShape, _ choice: (heads: Int, width: Int)) throws -> (
        attention: Candidate, mlp: Candidate
    ) {
        let wide = try #require(DampedHessian(gram: block.o.weight.transposed(0, 1).matmul(block.o.weight)))
        let heads = SubLayerSolver.heads(
            o: block.o.weight, hessian: wide, shape: shape, headDimension: block.geometry.headDimension)
        let inner = try #require(DampedHessian(gram: block.down.weight.transposed(0, 1).matmul(block.down.weight)))
        let neurons = SubLayerSolver.neurons(down: block.down.weight, hessian: inner, widths: [choice.width])
        return (heads[choice.heads], neurons[0])
    }

    @Test(
        "a compact block gives what the masked one gives, with and without a cache",
        arguments: [(false, false), (true, false), (false, true)])
    func equality(hasBiases: Bool, isGemma: Bool) throws {
        let folder = try TemporaryFolder()
        var tiny = TinyModel()
        tiny.layers = 1
        tiny.isGemma = isGemma
        (tiny.heads, tiny.keyValueHeads) = (4, 2)
        if hasBiases {
            tiny.configuration = [("attention_bias", .bool(true)), ("mlp_bias", .bool(true))]
            for (name, rows) in [
                ("self_attn.q_proj", 16), ("self_attn.k_proj", 8), ("self_attn.v_proj", 8), ("self_attn.o_proj", 16),
                ("mlp.gate_proj", 24), ("mlp.up_proj", 24), ("mlp.down_proj", 16),
            ] { tiny.extra.append(("model.layers.0.\(name).bias", [rows])) }
        }
        try tiny.write(to: folder)
        let decoder = try Decoder(try Checkpoint.open(folder.path))
        let block = try decoder.block(0)
        let rotary = decoder.rotary(positions: 9)
        let x = try decoder.embedded((0..<18).map { Int32($0 * 7 % 250) }).reshaped([2, 9, 16])
        let all = SubLayerSolver.heads(
            o: block.o.weight, hessian: try #require(DampedHessian(gram: Tensor.zeros([16, 16]))),
            shape: decoder.configuration.layers[0], headDimension: 4)
        #expect(all.count == 5)
        for heads in all.indices {
            for width in [24, 10, 0] {
                let (attention, mlp) = try candidates(block, decoder.configuration.layers[0], (heads, width))
                let compact = block.compacted(attention: attention, mlp: mlp)
                let masked = block.masked(attention: attention, mlp: mlp)
                try Engine.withoutGradient {
                    let expected = masked(x, rotary: rotary).floats()
                    let scale = try #require(expected.map(\.magnitude).max())
                    func difference(_ found: [Float]) -> Float {
                        zip(found, expected).map { ($0 - $1).magnitude }.max() ?? .infinity
                    }
                    #expect(difference(compact(x, rotary: rotary).floats()) < 1e-5 * scale, "\(heads) \(width)")
                    // Token after token.
                    let cache = KeyValueCache(layerCount: 1, capacity: 64)
                    let pieces = (0..<9).map { position in
                        defer { cache.advance(1) }
                        return compact(x.narrowed(1, position, 1), rotary: rotary, cache: cache)
                    }
                    #expect(difference(Tensor.concatenated(pieces, dimension: 1).floats()) < 1e-5 * scale)
                }
            }
        }
    }

    @Test("parameters are those of the linears that are left")
    func parameters() throws {
        let folder = try TemporaryFolder()
        try TinyModel().write(to: folder)
        let decoder = try Decoder(try Checkpoint.open(folder.path))
        let block = try decoder.block(0)
        let (attention, mlp) = try candidates(block, decoder.configuration.layers[0], (1, 10))
        let compact = block.compacted(attention: attention, mlp: mlp)
        let attentionCount = compact.qkv.weight.count + compact.o.weight.count
        let mlpCount = compact.gateUp.weight.count + compact.down.weight.count
        #expect(attention.kept.parameters(decoder.configuration) == attentionCount)
        #expect(mlp.kept.parameters(decoder.configuration) == mlpCount)
        // One group of two query heads of 4 stays: q 8, k 4, v 4 rows of 16, o 16 rows of 8; and 10 neurons.
        #expect(attentionCount == (8 + 4 + 4) * 16 + 16 * 8 && mlpCount == 3 * 10 * 16)
        #expect(KeptUnits.neurons([]).parameters(decoder.configuration) == 0)
    }
}
