import Decoders
import Foundation
import Testing
import Torch

@testable import Pruning

@Suite("Costs of changes in KL")
struct DivergenceCostsTests {
    let tiny: Tiny

    init() throws { tiny = try Tiny() }

    /// The tokens as sequences of another length, embedded.
    private func stream(length: Int) throws -> HiddenStream {
        let count = tiny.tokens.count / length
        let stream = try HiddenStream(samples: count, tokens: length, hidden: 16)
        let x = try tiny.decoder.embedding().selected(Tensor(tiny.tokens.prefix(count * length).map(Int64.init)))
        try stream.write(x.reshaped([count, length, 16]), at: 0)
        return stream
    }

    /// Small changes of every linear.
    private func changes(_ layer: Int) throws -> DivergenceCosts.Changes {
        var draws = Draws(UInt64(layer + 1))
        let block = try tiny.decoder.block(layer)
        var changes: DivergenceCosts.Changes = [:]
        for name in ProjectionName.ofLlama { changes[name] = draws.tensor(block[name].weight.shape) * 1e-3 }
        return changes
    }

    /// Log-probabilities of all positions with one linear of one layer changed, in float64 from the logits on.
    private func logProbabilities(
        _ input: HiddenStream, layer changed: Int? = nil, linear: LinearName? = nil, factor: Double = 1
    ) throws -> [[Double]] {
        let rotary = tiny.decoder.rotary(positions: input.tokens)
        var x = try input.read(0..<input.samples)
        for layer in 0..<tiny.decoder.configuration.layerCount {
            var block = try tiny.decoder.block(layer)
            if layer == changed, let linear {
                let name = linear.projection
                let change = try #require(try changes(layer)[name])
                let offset = try #require(block[name].offset(of: linear))
                let rows = try #require(block[name].parts.first { $0.name == linear }).rows
                let weight = block[name].weight.clone()
                weight.narrowed(0, offset, rows).add(change.narrowed(0, offset, rows), scale: factor)
                block[name] = block[name].with(weight: weight)
            }
            x = Engine.withoutGradient { block(x, rotary: rotary) }
        }
        let head = try tiny.decoder.head(dtype: .float32)
        let vocabulary = tiny.decoder.configuration.vocabularySize
        let logits = Engine.withoutGradient { head(x) }.floats().map { Double($0) }
        return stride(from: 0, to: logits.count, by: vocabulary).map { start in
            let row = logits[start..<start + vocabulary]
            let top = row.max() ?? 0
            let sum = log(row.reduce(0) { $0 + exp($1 - top) }) + top
            return row.map { $0 - sum }
        }
    }

    private func divergence(_ dense: [[Double]], _ changed: [[Double]]) -> Double {
        zip(dense, changed).reduce(0) { sum, rows in
            sum + zip(rows.0, rows.1).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        } / Double(dense.count)
    }

    /// Mean over draws.
    private func costs(_ input: HiddenStream, draws: Int) throws -> [[LinearName: Double]] {
        var sums = [[LinearName: Double]](repeating: [:], count: tiny.decoder.configuration.layerCount)
        for seed in 0..<draws {
            let search = try DivergenceCosts(
                Passage(tiny.decoder, compute: .float32), input: input, batch: 3, seed: UInt64(seed))
            let found = try search.linears { _ in
            } changes: {
                (try? changes($0.geometry.layer)) ?? [:]
            }
            for (layer, costs) in found.enumerated() {
                for (linear, cost) in costs { sums[layer][linear, default: 0] += cost / Double(draws) }
            }
        }
        return sums
    }

    @Test("for sequences of one token they are the divergence itself, to second order")
    func singleTokens() throws {
        let input = try stream(length: 1)
        let found = try costs(input, draws: 8)
        let dense = try logProbabilities(input)
        for layer in found.indices {
            for linear in LinearName.ofLlama {
                let cost = try #require(found[layer][linear])
                // One token attends to itself alone, whatever query and key are.
                guard linear != .q, linear != .k else {
                    #expect(abs(cost) < 1e-12)
                    continue
                }
                // Large enough for float32, small enough for the second order.
                let factor = 30.0
                let changed = try logProbabilities(input, layer: layer, linear: linear, factor: factor)
                let expected = divergence(dense, changed) / (factor * factor)
                #expect(abs(cost / expected - 1) < 0.15, "layer \(layer) \(linear): \(cost) for \(expected)")
            }
        }
    }

    @Test("behind the last attention positions have nothing to do with each other, and they are the divergence, too")
    func lastLayer() throws {
        let input = try stream(length: 20)
        let found = try costs(input, draws: 8)
        let dense = try logProbabilities(input)
        let last = found.count - 1
        for linear in [LinearName.o, .gate, .up, .down] {
            let cost = try #require(found[last][linear])
            let changed = try logProbabilities(input, layer: last, linear: linear, factor: 30)
            let expected = divergence(dense, changed) / 900
            #expect(abs(cost / expected - 1) < 0.15, "\(linear): \(cost) for \(expected)")
        }
    }

    @Test("before it they leave out only what positions have in common")
    func earlierLayers() throws {
        let input = try stream(length: 20)
        let found = try costs(input, draws: 8)
        let dense = try logProbabilities(input)
        for linear in LinearName.ofLlama {
            let cost = try #require(found[0][linear])
            let changed = try logProbabilities(input, layer: 0, linear: linear, factor: 30)
            let expected = divergence(dense, changed) / 900
            #expect(cost > expected / 3 && cost < expected * 3, "\(linear): \(cost) for \(expected)")
        }
    }

    @Test("the same seed gives the same costs; no change costs nothing")
    func repeats() throws {
        let input = try stream(length: 20)
        func once(_ seed: UInt64, _ changes: (Block) -> DivergenceCosts.Changes) throws -> [[LinearName: Double]] {
            try DivergenceCosts(Passage(tiny.decoder, compute: .float32), input: input, batch: 5, seed: seed)
                .linears { _ in
                } changes: {
                    changes($0)
                }
        }
        let first = try once(3) { (try? changes($0.geometry.layer)) ?? [:] }
        #expect(try once(3) { (try? changes($0.geometry.layer)) ?? [:] } == first)
        #expect(try once(4) { (try? changes($0.geometry.layer)) ?? [:] } != first)
        #expect(try once(3) { _ in [:] } == [[:], [:]])
    }

    @Test("what replaces a sub-layer costs what the changes of its last linear do")
    func replacements() throws {
        let input = try stream(length: 20)
        // A sub-layer whose last linear alone is changed moves its output as that linear does.
        func block(_ dense: Block, _ name: ProjectionName) -> Block {
            var block = dense
            if let change = try? changes(dense.geometry.layer)[name] {
                block[name] = dense[name].with(weight: dense[name].weight + change)
            }
            return block
        }
        let linears = try DivergenceCosts(Passage(tiny.decoder, compute: .float32), input: input, batch: 5, seed: 1)
            .linears { _ in
            } changes: {
                (try? changes($0.geometry.layer)) ?? [:]
            }
        let found = try DivergenceCosts(Passage(tiny.decoder, compute: .float32), input: input, batch: 5, seed: 1)
            .replacements { _ in
                (2, 1)
            } replacement: { dense, isAttention, index in
                index == 1 ? dense : block(dense, isAttention ? .o : .down)
            }
        for (layer, costs) in found.enumerated() {
            let (o, down) = (try #require(linears[layer][.o]), try #require(linears[layer][.down]))
            #expect(abs(costs.attention[0] / o - 1) < 1e-3 && costs.attention[1] == 0)
            #expect(abs(costs.mlp[0] / down - 1) < 1e-3 && costs.mlp.count == 1)
        }
    }

    @Test("a sub-layer that is left out costs what its output tells")
    func absence() throws {
        let input = try stream(length: 1)
        var draws: [Double] = []
        for seed in 0..<8 {
            let found = try DivergenceCosts(
                Passage(tiny.decoder, compute: .float32), input: input, batch: 5, seed: UInt64(seed)
            )
            .replacements { _ in
                (0, 1)
            } replacement: { dense, _, _ in
                // A thirtieth of the MLP's output is left out.
                var block = dense
                block.down = dense.down.with(weight: dense.down.weight * (29.0 / 30))
                return block
            }
            draws.append(found[1].mlp[0])
        }
        let rotary = tiny.decoder.rotary(positions: 1)
        var x = try input.read(0..<input.samples)
        let first = try tiny.decoder.block(0)
        x = Engine.withoutGradient { first(x, rotary: rotary) }
        var second = try tiny.decoder.block(1)
        let head = try tiny.decoder.head(dtype: .float32)
        func predictions(_ block: Block) -> [[Double]] {
            let logits = Engine.withoutGradient { head(block(x, rotary: rotary)).to(.float64).logSoftmax(2) }
            let vocabulary = tiny.decoder.configuration.vocabularySize
            let values = logits.floats().map { Double($0) }
            return stride(from: 0, to: values.count, by: vocabulary).map { Array(values[$0..<$0 + vocabulary]) }
        }
        let dense = predictions(second)
        second.down = second.down.with(weight: second.down.weight * (29.0 / 30))
        let expected = divergence(dense, predictions(second))
        let mean = draws.reduce(0, +) / Double(draws.count)
        #expect(abs(mean / expected - 1) < 0.25, "\(mean) for \(expected)")
    }
}
