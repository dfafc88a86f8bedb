import Decoders
import Testing
import Torch

@testable import Pruning

/// The sums that scores and solvers rest on, against the inputs themselves.
struct InputStatisticsTests {
    /// Every projection's input, all samples in one batch, as the forward pass meets it.
    private func inputs(_ task: BlockTask, _ samples: [Int]) throws -> [ProjectionName: [Float]] {
        var seen: [ProjectionName: [Float]] = [:]
        let x = try task.input.read(samples)
        _ = Engine.withoutGradient { task.block(x, rotary: task.rotary) { seen[$0] = $1.floats() } }
        return seen
    }

    @Test(arguments: [[Int](0..<12), [3, 1, 10], [5]])
    func squaresAndGramsAreThoseOfTheInputs(_ samples: [Int]) throws {
        let task = try Tiny().task(goals: goals())
        let plain = try task.statistics(of: task.block, samples: samples)
        let gram = try task.statistics(of: task.block, samples: samples, gram: true)
        for (name, values) in try inputs(task, samples) {
            let width = task.block[name].inputWidth
            var products = [Double](repeating: 0, count: width * width)
            for row in stride(from: 0, to: values.count, by: width) {
                for i in 0..<width {
                    for j in 0..<width { products[i * width + j] += Double(values[row + i]) * Double(values[row + j]) }
                }
            }
            let squares = (0..<width).map { Float(products[$0 * width + $0]) }
            #expect(relativeError(plain.squares(name).floats(), squares) < 1e-5)
            #expect(relativeError(gram.squares(name).floats(), squares) < 1e-5)
            #expect(relativeError(try #require(gram.grams[name]).floats(), products.map { Float($0) }) < 1e-5)
        }
    }

    @Test func theBatchDoesNotChangeTheSums() throws {
        let tiny = try Tiny()
        let (one, five) = (try tiny.task(goals: goals(), batch: 1), try tiny.task(goals: goals(), batch: 5))
        for name in ProjectionName.ofLlama {
            let a = try one.statistics(of: one.block).squares(name).floats()
            #expect(relativeError(a, try five.statistics(of: five.block).squares(name).floats()) < 1e-6)
        }
    }

    @Test func activationsThatAreNotNumbersAreAFaultThatNamesTheBlock() throws {
        let tiny = try Tiny()
        let input = try tiny.stream()
        try input.write(Tensor.full([1, 20, 16], .infinity), at: 4)
        let task = try tiny.task(layer: 1, goals: goals(), input: input)
        #expect {
            _ = try task.statistics(of: task.block)
        } throws: { error in
            "\(error)".contains("not finite") && "\(error)".contains("block 1")
        }
    }
}
