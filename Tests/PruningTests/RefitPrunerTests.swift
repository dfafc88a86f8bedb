import Decoders
import Faults
import Recipes
import Testing
import Torch

@testable import Pruning

/// The default regional optimizer: exact zeros, a result that is never worse on what it did not see, and the same
/// result every time.
struct RefitPrunerTests {
    /// A gentler rate than the default: 220 tokens are all there is to learn from.
    private func options(_ rate: Double = 5e-3) -> BlockRefit.Options {
        var options = BlockRefit.Options()
        options.learningRate = rate
        return options
    }

    /// The loss on the sequences kept out, in float64 and from its definition: squared errors over each token's mean
    /// square, by channel over (σ + 0.1 · mean σ).
    private func keptOutError(_ block: Block, _ task: BlockTask) throws -> Double {
        let stream = try #require(task.denseOutput)
        let (width, count) = (stream.hidden, stream.samples * stream.tokens)
        let goals = try stream.read(0..<stream.samples).floats().map(Double.init)
        let meanSquares = (0..<count).map { token in
            goals[token * width..<(token + 1) * width].reduce(0) { $0 + $1 * $1 } / Double(width)
        }
        let deviations = (0..<width).map { channel in
            let values = (0..<count).map { goals[$0 * width + channel] / meanSquares[$0].squareRoot() }
            let mean = values.reduce(0, +) / Double(count)
            return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)).squareRoot()
        }
        let floor = 0.1 * deviations.reduce(0, +) / Double(width)
        var weights = deviations.map { 1 / ($0 + floor) }
        let scale = Double(width) / weights.reduce(0, +)
        weights = weights.map { $0 * scale }
        let kept = BlockRefit.keptOut(of: task.input.samples)
        var sum = 0.0
        for sample in kept {
            let output = try task.forward(block, samples: [sample]).floats()
            for (index, value) in output.enumerated() {
                let at = sample * stream.tokens * width + index
                let error = Double(value) - goals[at]
                sum += error * error * weights[index % width] / meanSquares[at / width]
            }
        }
        return sum / Double(kept.count * stream.tokens * width)
    }

    private func start(_ task: BlockTask) throws -> Block { try AlternatingDirectionsPruner().prune(task).block }

    @Test func oneInEightSequencesAndAtLeastOneIsKeptOut() {
        #expect(BlockRefit.keptOut(of: 1) == [0])
        #expect(BlockRefit.keptOut(of: 5) == [4])
        #expect(BlockRefit.keptOut(of: 8) == [7])
        #expect(BlockRefit.keptOut(of: 24) == [7, 15, 23])
        #expect(BlockRefit.keptOut(of: 0) == [])
    }

    @Test(arguments: [Pattern.unstructured, .keep(2, of: 4)])
    func theResultIsBetterThanItsStartOnSequencesItDidNotSee(_ pattern: Pattern) throws {
        let task = try Tiny().task(goals: goals(pattern), dense: true)
        let outcome = try RefitPruner(BlockRefit(options())).prune(task)
        #expect(!outcome.restored)
        #expect(try keptOutError(outcome.block, task) < keptOutError(start(task), task))
        let (first, last) = (try #require(outcome.losses.first), try #require(outcome.losses.last))
        #expect(last < first)
    }

    /// Whatever the step size: kept when better, else put back, bit by bit.
    @Test(arguments: [1e-6, 1e-2, 0.3, 3, 1e3, 1e20])
    func noStepSizeMakesItWorse(_ rate: Double) throws {
        let task = try Tiny().task(goals: goals(), dense: true)
        let outcome = try RefitPruner(BlockRefit(options(rate))).prune(task)
        let start = try start(task)
        let (found, before) = (try keptOutError(outcome.block, task), try keptOutError(start, task))
        #expect(outcome.restored ? outcome.block.values == start.values : found < before)
        if rate >= 1e3 { #expect(outcome.restored && outcome.loweredRate == nil) }
        // Far too large a step is made smaller until it helps; one that helps stays.
        if rate == 3 { #expect(!outcome.restored && [3 / 4, 3 / 16, 3 / 64].contains(outcome.loweredRate)) }
        if rate <= 1e-2 { #expect(!outcome.restored && outcome.loweredRate == nil) }
    }

    /// A state that was better than the last one is not given away.
    @Test func theBestPassCounts() throws {
        final class Looks { var count = 0 }
        let (task, looks) = (try Tiny().task(goals: goals(), dense: true), Looks())
        // A cast that ruins what is looked at after the first pass.
        let worsening = BlockTask(
            block: task.block, goals: task.goals, rotary: task.rotary, input: task.input, denseOutput: task.denseOutput,
            compute: .float32, batch: 4, device: .cpu, seed: 7,
            asWritten: { block in
                looks.count += 1
                guard looks.count > 2 else { return block }
                var copy = block
                copy.down = copy.down.with(weight: copy.down.weight * 50)
                return copy
            })
        let early = try RefitPruner(BlockRefit(options())).prune(worsening)
        #expect(!early.restored && early.loweredRate == nil && looks.count == 1 + early.losses.count)
        #expect(BlockRefit(options()).work(samples: task.input.samples).casts == Double(looks.count))
        let errors = try [
            start(task), early.block, RefitPruner(BlockRefit(options())).prune(task).block,
        ].map { try keptOutError($0, task) }
        #expect(errors[0] > errors[1] && errors[1] > errors[2])
    }

    @Test(arguments: [(Pattern.keep(2, of: 4), 2, 4), (.keep(1, of: 8), 1, 8), (.keep(4, of: 8), 4, 8)])
    func patternsHoldInEveryGroup(_ pattern: Pattern, _ keep: Int, _ group: Int) throws {
        let task = try Tiny().task(goals: goals(pattern), dense: true)
        let outcome = try RefitPruner(BlockRefit(options())).prune(task)
        for name in LinearName.ofLlama {
            let values = outcome.block.weight(name).floats()
            for index in stride(from: 0, to: values.count, by: group) {
                #expect(values[index..<index + group].count { $0 != 0 } <= keep)
            }
        }
    }

    @Test func theMaskIsTheStartsAndItsCountExact() throws {
        let task = try Tiny().task(goals: goals(), dense: true)
        let (outcome, start) = (
            try RefitPruner(BlockRefit(options())).prune(task), try AlternatingDirectionsPruner().prune(task)
        )
        for name in ProjectionName.ofLlama {
            let mask = try #require(outcome.masks[name]).floats()
            #expect(mask == (try #require(start.masks[name])).floats())
            for (value, isKept) in zip(outcome.block[name].weight.floats(), mask) where isKept == 0 {
                #expect(value == 0)
            }
        }
        // All weights of a linear compare: half of it goes.
        #expect(outcome.block.weight(.gate).floats().count { $0 == 0 } == 24 * 16 / 2)
    }

    @Test func ignoredLinearsStayBitByBit() throws {
        let task = try Tiny().task(goals: goals(without: [.q, .gate, .o]), dense: true)
        let outcome = try RefitPruner(BlockRefit(options())).prune(task)
        #expect(!outcome.restored)
        for name in LinearName.ofLlama {
            let (dense, found) = (task.block.weight(name).floats(), outcome.block.weight(name).floats())
            #expect((dense == found) == (task.goals[name] == nil), "\(name)")
        }
    }

    @Test func theSameSeedGivesTheSameBitsAndAnotherSeedOthers() throws {
        let tiny = try Tiny()
        let results = try [UInt64(7), 7, 8].map { seed in
            try RefitPruner(BlockRefit(options())).prune(try tiny.task(goals: goals(), dense: true, seed: seed)).block
                .values
        }
        #expect(results[0] == results[1])
        #expect(results[0] != results[2])
    }

    @Test func noPassesLeaveTheStart() throws {
        let task = try Tiny().task(goals: goals(), dense: true)
        var options = options()
        options.passes = 0
        let outcome = try RefitPruner(BlockRefit(options)).prune(task)
        #expect(outcome.block.values == (try start(task)).values)
        #expect(outcome.losses.isEmpty && !outcome.restored)
    }

    /// The guard looks at what will be written: a cast that ruins the optimised weights sends them back.
    @Test func theGuardJudgesWhatIsWritten() throws {
        let tiny = try Tiny()
        let task = try tiny.task(goals: goals(), dense: true)
        let start = try start(task)
        let spoiling = BlockTask(
            block: task.block, goals: task.goals, rotary: task.rotary, input: task.input, denseOutput: task.denseOutput,
            compute: .float32, batch: 4, device: .cpu, seed: 7,
            asWritten: { block in
                guard block.values != start.values else { return block }
                var copy = block
                copy.down = copy.down.with(weight: copy.down.weight * 50)
                return copy
            })
        #expect(!(try RefitPruner(BlockRefit(options())).prune(task)).restored)
        #expect(try RefitPruner(BlockRefit(options())).prune(spoiling).restored)
    }

    /// Another target would train the block towards something else in silence.
    @Test func withoutTheDenseOutputNothingIsTrained() throws {
        let task = try Tiny().task(goals: goals(.keep(2, of: 4)), dense: false)
        #expect(throws: Fault.self) { try RefitPruner().prune(task) }
    }

    @Test(arguments: [DType.bfloat16, .float16]) func narrowProductsImproveTheBlockToo(_ type: DType) throws {
        let task = try Tiny().task(goals: goals(.keep(2, of: 4)), dense: true, compute: type)
        let outcome = try RefitPruner(BlockRefit(options())).prune(task)
        #expect(!outcome.restored)
        #expect(try keptOutError(outcome.block, task) < keptOutError(start(task), task))
    }

    @Test func theDenseBlockAndTheStreamsStayAsTheyWere() throws {
        let tiny = try Tiny()
        let task = try tiny.task(goals: goals(), dense: true)
        let (input, target) = (
            try task.input.read(0..<12).floats(), try #require(task.denseOutput).read(0..<12).floats()
        )
        _ = try RefitPruner(BlockRefit(options())).prune(task)
        #expect(task.block.values == (try tiny.decoder.block(0)).values)
        #expect(try task.input.read(0..<12).floats() == input)
        #expect(try #require(task.denseOutput).read(0..<12).floats() == target)
    }
}
