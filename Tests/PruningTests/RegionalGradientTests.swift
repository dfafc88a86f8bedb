import Decoders
import Testing
import Torch

@testable import Pruning

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// G against slopes measured by moving one weight, and against the oracle's.
struct RegionalGradientTests {
    /// ‖f(X_n)‖_F of one sequence.
    private func norm(_ block: Block, _ task: BlockTask, sample: Int) throws -> Double {
        let x = try task.input.read(sample..<sample + 1)
        let values = Engine.withoutGradient { block(x, rotary: task.rotary) }.floats()
        return values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }

    @Test func gradientIsTheRootMeanSquareOfTheSlopes() throws {
        let task = try Tiny().task(goals: goals())
        let gradient = try RegionalGradient(task, teacher: nil)
        let step: Float = 2e-2
        for name in ProjectionName.ofLlama {
            let dense = task.block[name].weight
            let values = dense.floats()
            let found = try #require(gradient.values[name]).floats()
            // The largest, a middle one and the smallest.
            let order = found.indices.sorted { found[$0] > found[$1] }
            for index in [order[0], order[order.count / 2], order[order.count - 1]] {
                var meanSquare = 0.0
                for sample in 0..<task.input.samples {
                    var norms: [Double] = []
                    for sign: Float in [1, -1] {
                        var moved = values
                        moved[index] += sign * step
                        var block = task.block
                        block[name] = block[name].with(weight: Tensor(moved, shape: dense.shape))
                        norms.append(try norm(block, task, sample: sample))
                    }
                    meanSquare += pow((norms[0] - norms[1]) / (2 * Double(step)), 2) / Double(task.input.samples)
                }
                let expected = meanSquare.squareRoot()
                #expect(abs(Double(found[index]) - expected) < 0.01 * expected + 2e-4, "\(name) \(index)")
            }
        }
    }

    @Test func gradientIsTheOracles() throws {
        let reference = try Reference()
        let task = try Tiny().task(goals: goals())
        let gradient = try RegionalGradient(task, teacher: nil)
        for name in ProjectionName.ofLlama {
            for (linear, rows) in task.block[name].rows(of: try #require(gradient.values[name])) {
                let expected = try reference.floats("G.\(linear.checkpointName)")
                #expect(relativeError(rows.floats(), expected) < 1e-3, "\(linear)")
            }
        }
    }

    @Test func teacherIsTheDenseOutputAndStatisticsAreTheDenseInputs() throws {
        let tiny = try Tiny()
        let task = try tiny.task(goals: goals())
        let teacher = try HiddenStream(samples: 12, tokens: 20, hidden: 16)
        let gradient = try RegionalGradient(task, teacher: teacher)
        let expected = try tiny.forward(task.block, task.input, task.rotary)
        #expect(relativeError(try teacher.read(0..<12).floats(), try expected.read(0..<12).floats()) < 1e-6)
        let statistics = try task.statistics(of: task.block)
        for name in ProjectionName.ofLlama {
            #expect(
                relativeError(gradient.statistics.squares(name).floats(), statistics.squares(name).floats()) < 1e-6)
        }
        // The block itself carries no gradient afterwards and is what it was.
        #expect(task.block.values == (try tiny.decoder.block(0)).values)
    }
}
