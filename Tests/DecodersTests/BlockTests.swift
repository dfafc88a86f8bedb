import Checkpoints
import Decoders
import Testing
import Torch

struct BlockTests {
    @Test(arguments: ["llama-biases", "qwen2", "mistral"]) func packedLinearsShowTheCheckpointsRows(
        _ name: String
    ) throws {
        let decoder = try Fixture(name).decoder
        let block = try decoder.block(1)
        for linear in LinearName.ofLlama {
            let shape = decoder.configuration.shape(of: linear, layer: 1)
            let weight = block.weight(linear)
            #expect(weight.shape == [shape.out, shape.in])
            #expect(try weight.floats() == decoder.checkpoint.floats(linear.weightName(layer: 1)))
            let projection = block[linear.projection]
            let bias = projection.bias ?? Tensor.zeros([projection.weight.size(0)])
            let rows = bias.narrowed(0, try #require(projection.offset(of: linear)), shape.out).floats()
            let expected =
                decoder.configuration.hasBias(linear, layer: 1)
                ? try decoder.checkpoint.floats(linear.biasName(layer: 1)) : [Float](repeating: 0, count: shape.out)
            #expect(rows == expected)
        }
    }

    @Test func aViewWritesIntoThePackedWeight() throws {
        let block = try Fixture("llama").decoder.block(0)
        block.weight(.v).fill(0)
        let parts = Dictionary(
            uniqueKeysWithValues: block.qkv.rows(of: block.qkv.weight).map {
                ($0.name, $0.rows.magnitude().sum().scalar)
            })
        #expect(parts[.v] == 0)
        #expect((parts[.q] ?? 0) > 0 && (parts[.k] ?? 0) > 0)
    }

    /// A prompt, then token after token, of several sequences at once: what one pass over all of them gives.
    @Test(arguments: ["llama", "mistral", "gemma3"]) func aCacheGivesWhatOnePassGives(_ name: String) throws {
        let fixture = try Fixture(name)
        let block = try fixture.decoder.block(0)
        let hidden = fixture.decoder.configuration.hiddenSize
        let ids = (0..<3 * 12).map { Int32(($0 * 7 + 3) % fixture.decoder.configuration.vocabularySize) }
        let x = try fixture.decoder.embedded(ids).reshaped([3, 12, hidden])
        let rotary = fixture.decoder.rotary(positions: 12)
        Engine.withoutGradient {
            let expected = block(x, rotary: rotary).floats()
            let cache = KeyValueCache(layerCount: 1, capacity: 12)
            let pieces = [0..<5, 5..<6, 6..<9, 9..<10, 10..<12].map { range in
                defer { cache.advance(range.count) }
                return block(x.narrowed(1, range.lowerBound, range.count), rotary: rotary, cache: cache)
            }
            let found = Tensor.concatenated(pieces, dimension: 1).floats()
            let largest = expected.map(\.magnitude).max() ?? 0
            for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-5 * largest) }
            #expect(found.count == expected.count && cache.length == 12)
        }
    }

    @Test func observersSeeTheInputOfEveryProjection() throws {
        let fixture = try Fixture("llama")
        let block = try fixture.decoder.block(0)
        let c = fixture.decoder.configuration
        let x = try fixture.decoder.embedding().selected(Tensor(fixture.tokens.prefix(8).map(Int64.init)))
            .reshaped([2, 4, c.hiddenSize])
        var seen: [(ProjectionName, [Int])] = []
        Engine.withoutGradient {
            _ = block(x, rotary: fixture.decoder.rotary(positions: 4)) { seen.append(($0, $1.shape)) }
        }
        #expect(seen.map(\.0) == [.qkv, .o, .gateUp, .down])
        #expect(
            seen.map(\.1) == [
                [2, 4, c.hiddenSize], [2, 4, c.shape(of: .q, layer: 0).out], [2, 4, c.hiddenSize],
                [2, 4, c.widest.intermediateSize],
            ])
    }

    @Test func changingTheNumberTypeLeavesTheOriginalAlone() throws {
        let block = try Fixture("qwen2").decoder.block(0)
        let copy = block.to(.bfloat16)
        #expect(copy.dtype == .bfloat16 && copy.qkv.bias?.dtype == .bfloat16)
        #expect(block.dtype == .float32 && block.qkv.bias?.dtype == .float32)
    }
}
