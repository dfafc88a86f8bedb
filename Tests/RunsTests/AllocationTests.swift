import Checkpoints
import Decoders
import Recipes
import RunSupport
import TestSupport
import Testing
import Torch

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
            $0.method = "wanda"
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

    private static func search(_ recipe: inout PruneRecipe) {
        recipe.allocation = .search
        recipe.sparsity = try? Sparsity(0.6)
        recipe.rounds = 1
    }

    @Test(
        "search: the mean is the target, and linears differ within a block",
        arguments: ["wanda", "magnitude", "sparsegpt", "wanda++"])
    func search(method: String) throws {
        let bench = try Bench { ($0.layers, $0.hidden, $0.intermediate) = (3, 32, 64) }
        let result = try bench.prune("out") {
            Self.search(&$0)
            $0.method = method
            if method != "wanda++" { $0.rounds = nil }
        }
        // A row of 32 columns rounds down by up to 1/32.
        #expect(result.achieved <= 0.6 + 1e-9 && result.achieved > 0.6 - 1 / 32.0)
        let fractions = result.blocks.map { Dictionary($0.sparsity.map { ($0.linear, $0.fraction) }) { a, _ in a } }
        #expect(Set(fractions.map { $0["down"] ?? 0 }).count > 1)
        #expect(fractions.allSatisfy { Set($0.values).count >= 3 })
        #expect(try !bench.files("out").keys.contains { $0.hasPrefix("allocation") })
    }

    @Test("search with K:M: every group keeps the K of its linear")
    func groups() throws {
        let bench = try Bench { ($0.layers, $0.hidden, $0.intermediate) = (3, 32, 64) }
        let result = try bench.prune("out") {
            $0.method = "wanda"
            $0.allocation = .search
            $0.pattern = .keep(2, of: 4)
        }
        let fractions = result.blocks.flatMap { $0.sparsity.map(\.fraction) }
        #expect(fractions.allSatisfy { [0, 0.25, 0.5, 0.75].contains($0) } && Set(fractions).count > 1)
        #expect(result.achieved >= 0.5 && result.achieved < 0.56)
    }

    @Test(
        "a sparsity below that of K:M: linears have the pattern or stay dense, and those that engines fuse are alike",
        arguments: ["wanda", "sparsegpt", "wanda++"])
    func patternOrDense(method: String) throws {
        let bench = try Bench { ($0.layers, $0.hidden, $0.intermediate) = (3, 32, 64) }
        let result = try bench.prune("out") {
            $0.method = method
            $0.pattern = .keep(2, of: 4)
            $0.sparsity = try? Sparsity(0.3)
            if method == "wanda++" { $0.rounds = 1 }
        }
        // The largest piece that stays dense or not is gate with up.
        let largest = 2.0 * 32 * 64 / 2 / Double(result.blocks.reduce(0) { $0 + $1.weights })
        #expect(result.achieved >= 0.3 && result.achieved < 0.3 + largest)
        var kinds: Set<Double> = []
        for block in result.blocks {
            let fractions = Dictionary(uniqueKeysWithValues: block.sparsity.map { ($0.linear, $0.fraction) })
            kinds.formUnion(fractions.values)
            #expect(fractions["q"] == fractions["k"] && fractions["q"] == fractions["v"])
            #expect(fractions["gate"] == fractions["up"])
        }
        #expect(kinds == [0, 0.5])
        let dense = result.blocks.flatMap(\.sparsity).count { $0.fraction == 0 }
        #expect(dense > 0 && result.denseLinears == dense)
    }

    @Test("an abort anywhere in a search or behind it ends in the same bytes as none")
    func everyMoment() throws {
        let bench = try Bench { $0.layers = 2 }
        let change: (inout PruneRecipe) -> Void = {
            $0.method = "wanda"
            Self.search(&$0)
            $0.rounds = nil
        }
        var copies: [String] = []
        try bench.prune("out", change) { event in
            guard case .progress = event else { return }
            copies.append("copy-\(copies.count)")
            try? bench.copy("out.partial", to: copies[copies.count - 1])
        }
        let whole = try bench.files("out")
        #expect(copies.count > 6)
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
        }
    }

    @Test("weights of a candidate come back from its file as they were, in bfloat16", arguments: [0.0, 0.37, 1.0])
    func candidateFile(sparsity: Double) throws {
        let values: [Float] = (0..<77).map { (index: Int) -> Float in
            let draw = Double(index * 37 % 100) / 100
            return draw < sparsity ? 0 : Float(index) / 7 - 5
        }
        let weights = Tensor(values, shape: [7, 11])
        let folder = try TemporaryFolder()
        let list = SparseCandidateFile.tensors(.down, weights: weights)
        let writer = try SafetensorsWriter(folder.path + "/file", list.map(\.tensor))
        for name in writer.order.map(\.name) {
            try writer.write(name, try #require(list.first { $0.tensor.name == name }).bytes)
        }
        _ = try writer.finish()
        let file = try SafetensorsFile(folder.path + "/file")
        let found = try SparseCandidateFile.weights(file, .down, shape: [7, 11])
        #expect(found.floats() == weights.to(.bfloat16).floats())
        #expect(fault { _ = try SparseCandidateFile.weights(file, .down, shape: [7, 13]) }?.kind == .badData)
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
