import Checkpoints
import Decoders
import Recipes
import Testing

@testable import Runs

@Suite("Sparsity by layer")
struct AllocationTests {
    @Test("owl: the mean is the target and no layer is further than eight points from it")
    func outliers() throws {
        let bench = try Bench { tiny in
            tiny.layers = 4
            tiny.edit = { name, values in
                // Layers differ in how many weights stand out.
                guard name.hasSuffix("proj.weight"), let layer = name.split(separator: ".")[2].wholeNumberValue
                else { return }
                for i in stride(from: 0, to: values.count, by: 37) { values[i] *= Float(1 + 5 * layer) }
            }
        }
        let result = try bench.prune("out") {
            $0.method = .wanda
            $0.allocation = .owl
            $0.sparsity = try? Sparsity(0.5)
        }
        let fractions = result.blocks.map { Double($0.removed) / Double($0.weights) }
        #expect(Set(fractions).count > 1)
        // A row of 16 columns rounds down by up to a sixteenth.
        let rounding = 1.0 / 16
        #expect(fractions.allSatisfy { $0 <= 0.58 + 1e-9 && $0 >= 0.42 - rounding })
        #expect(result.achieved <= 0.5 && result.achieved > 0.5 - rounding)
    }

    @Test("outlier ratios become sparsities around the target: more outliers, less removed")
    func spread() {
        let weights = [100, 100, 100, 100]
        let fractions = OutlierAllocation.spread([0, 1, 4, 2], weights: weights, target: 0.6)
        #expect(abs(fractions.reduce(0, +) / 4 - 0.6) < 1e-12)
        #expect(fractions[0] > fractions[1] && fractions[1] > fractions[3] && fractions[3] > fractions[2])
        #expect(abs(fractions[2] - 0.52) < 1e-12)
        #expect(fractions.allSatisfy { abs($0 - 0.6) <= 0.08 + 1e-12 })
        #expect(OutlierAllocation.spread([3, 3], weights: [1, 1], target: 0.5) == [0.5, 0.5])
    }

    @Test("layers count by the weights that they lose; one without goals does not count")
    func weighted() {
        let weights = [300, 100, 0]
        let fractions = OutlierAllocation.spread([1, 2, 90], weights: weights, target: 0.5)
        let mean = zip(fractions, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / 400
        #expect(abs(mean - 0.5) < 1e-12)
        #expect(fractions.allSatisfy { abs($0 - 0.5) <= 0.08 + 1e-12 })
    }
}

extension Substring {
    fileprivate var wholeNumberValue: Int? { Int(self) }
}
