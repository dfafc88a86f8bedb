import Decoders
import Testing
import Torch

@testable import Pruning

/// Two ranks that run one after the other: each is told what the other has, once that has run.
private final class Exchange: @unchecked Sendable {
    /// What a rank found, in the order in which it asked for sums.
    private var found: [Int: [Tensor]] = [:]

    /// - Parameter other: whose sums are there already; nil where none has run.
    func rank(_ rank: Int, adding other: Int?) -> Ranks {
        found[rank] = []
        return Ranks(rank: rank, of: 2) { [self] tensor in
            let place = found[rank]?.count ?? 0
            found[rank]?.append(tensor.clone())
            if let other, let sums = found[other] { tensor.add(sums[place]) }
        }
    }
}

@Suite("Ranks")
struct RanksTests {
    /// A task with a rank's own samples, and the same of all.
    private func task(_ tiny: Tiny, _ ranks: Ranks) throws -> BlockTask {
        let whole = try tiny.stream()
        let own = ranks.own(Array(0..<tiny.samples))
        let input = try HiddenStream(samples: own.count, tokens: tiny.length, hidden: 16)
        try input.write(try whole.read(own), at: 0)
        return BlockTask(
            block: try tiny.decoder.block(0), goals: goals(), rotary: tiny.decoder.rotary(positions: tiny.length),
            input: input, ranks: ranks, denseOutput: nil, compute: .float32, batch: 5, device: .cpu, seed: 7)
    }

    /// What two ranks get. They run in turn until each has had what the other found with the number of all samples.
    private func both<Result>(_ tiny: Tiny, _ body: (BlockTask) throws -> Result) throws -> [Result] {
        let exchange = Exchange()
        _ = try body(try task(tiny, exchange.rank(0, adding: nil)))
        _ = try body(try task(tiny, exchange.rank(1, adding: 0)))
        let first = try body(try task(tiny, exchange.rank(0, adding: 1)))
        return [first, try body(try task(tiny, exchange.rank(1, adding: 0)))]
    }

    @Test("they part the samples, and a rank that is alone has all")
    func parts() {
        let samples = Array(0..<7)
        let parts = (0..<3).map { Ranks(rank: $0, of: 3) { _ in }.own(samples) }
        #expect(Array(parts.joined()) == samples && parts.allSatisfy { (2...3).contains($0.count) })
        #expect(Ranks.alone.own(samples) == samples)
        #expect(Ranks(rank: 1, of: 2) { _ in }.own([3]) == [3] && Ranks(rank: 0, of: 2) { _ in }.own([3]).isEmpty)
    }

    @Test("two find the sums of one: those of the inputs in float64")
    func statistics() throws {
        let tiny = try Tiny()
        let alone = try task(tiny, .alone)
        var inputs: [ProjectionName: [Double]] = [:]
        let x = try alone.input.read(0..<tiny.samples)
        _ = Engine.withoutGradient { alone.block(x, rotary: alone.rotary) { inputs[$0] = $1.doubles() } }
        let found = try both(tiny) { task in
            (
                squares: try task.statistics(of: task.block),
                grams: try task.statistics(of: task.block, gram: true),
                samples: try task.ranks.sum(task.input.samples)
            )
        }
        for rank in found {
            #expect(rank.samples == tiny.samples)
            for name in alone.block.projections {
                let (width, values) = (alone.block[name].inputWidth, try #require(inputs[name]))
                var gram = [Double](repeating: 0, count: width * width)
                for row in stride(from: 0, to: values.count, by: width) {
                    for i in 0..<width {
                        for j in 0..<width { gram[i * width + j] += values[row + i] * values[row + j] }
                    }
                }
                let squares = (0..<width).map { Float(gram[$0 * width + $0]) }
                #expect(relativeError(rank.squares.squares(name).floats(), squares) < 1e-6)
                #expect(relativeError(try #require(rank.grams.grams[name]).floats(), gram.map { Float($0) }) < 1e-6)
                #expect(relativeError(rank.grams.squares(name).floats(), squares) < 1e-6)
            }
        }
        for name in alone.block.projections {
            #expect(found[0].squares.squares(name).floats() == found[1].squares.squares(name).floats())
        }
    }

    @Test("two prune by the same masks as one, by squares and by Gram matrices")
    func masks() throws {
        let tiny = try Tiny()
        for pruner in [WandaPruner(), SparseGPTPruner()] as [any BlockPruner] {
            let whole = try pruner.prune(try task(tiny, .alone))
            for outcome in try both(tiny, { try pruner.prune($0) }) {
                for (name, mask) in whole.masks {
                    #expect(try #require(outcome.masks[name]).bytes() == mask.bytes(), "\(name.rawValue)")
                }
            }
        }
    }

    @Test("two find the regional gradient of one")
    func gradient() throws {
        let tiny = try Tiny()
        let whole = try RegionalGradient(try task(tiny, .alone), teacher: nil)
        for found in try both(tiny, { try RegionalGradient($0, teacher: nil) }) {
            for (name, gradient) in whole.values {
                #expect(relativeError(try #require(found.values[name]).floats(), gradient.floats()) < 1e-5)
                #expect(
                    relativeError(found.statistics.squares(name).floats(), whole.statistics.squares(name).floats())
                        < 1e-6)
            }
        }
    }
}
