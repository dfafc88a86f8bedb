import Checkpoints
import Testing
import Torch

@testable import Decoders

@Suite("A model with its channels in another order")
struct ChannelOrderTests {
    /// Every channel that can move, moved: turned around, and then some.
    private func order(_ c: DecoderConfiguration) -> ChannelOrder {
        func mixed(_ count: Int) -> [Int] {
            (0..<count).map { ($0 &* 7 &+ 3) % count }.isDistinct ?? (0..<count).reversed()
        }
        var order = ChannelOrder(layerCount: c.layerCount)
        order.stream = mixed(c.hiddenSize)
        for layer in 0..<c.layerCount {
            order.neurons[layer][.down] = mixed(c.layers[layer].intermediateSize)
            order.values[layer] = (0..<c.layers[layer].keyValueHeadCount).map { head in
                let own = mixed(c.headDimension)
                return head % 2 == 0 ? own : own.reversed()
            }
        }
        return order
    }

    @Test("computes the dense logits, whatever the family", arguments: Fixture.names)
    func logits(name: String) throws {
        Engine.setThreads(1)
        let fixture = try Fixture(name)
        let dense = try fixture.forward()
        let order = order(fixture.decoder.configuration)
        let moved = fixture.decoder.reordered(order)
        #expect(try moved.embedding().floats() != fixture.decoder.embedding().floats())
        #expect(try moved.block(0).down.weight.floats() != fixture.decoder.block(0).down.weight.floats())
        #expect(relativeError(try fixture.forward(moved), dense) < 1e-5)
    }

    @Test("is read alike as numbers, by rows and as stored bytes")
    func reading() throws {
        let fixture = try Fixture("qwen2")
        let moved = fixture.decoder.reordered(order(fixture.decoder.configuration)).checkpoint
        for tensor in moved.tensors where tensor.type == .f32 {
            let whole = try moved.floats(tensor.name)
            let stored = try moved.storedBytes(tensor.name).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            #expect(whole == stored, "\(tensor.name)")
            guard tensor.shape.count == 2, tensor.shape[0] > 2 else { continue }
            var part = [Float](repeating: 0, count: 2 * tensor.shape[1])
            try part.withUnsafeMutableBufferPointer { (buffer) throws in
                try moved.read(tensor.name, rows: 1..<3, into: buffer)
            }
            #expect(part == Array(whole[tensor.shape[1]..<3 * tensor.shape[1]]), "\(tensor.name)")
        }
    }
}

extension [Int] {
    /// These numbers, where each is there once.
    fileprivate var isDistinct: [Int]? { Set(self).count == count ? self : nil }
}
