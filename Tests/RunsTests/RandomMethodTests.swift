import Calibration
import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Randomness
import Recipes
import RunSupport
import TestSupport
import Testing
import Torch

@testable import Planning
@testable import Pruning
@testable import Runs

// A method that is not Espalier's, as anybody would add one: this value, and a line of a registry (`withRandom`).

extension PruningMethod {
    /// Weights go by lot.
    fileprivate static let random = PruningMethod(
        Method("random", needsCalibration: false, presets: [.default]), pruner: RandomPruner())
}

private struct RandomPruner: BlockPruner, Sendable {
    let group = ComparisonGroup.columns(10)

    func work(samples: Int) -> BlockWork { BlockWork(masks: 1) }

    // A number for each weight, drawn as if by a product with a vector.
    func steps(_ size: BlockSize) -> [WorkStep] {
        [WorkStep("lots", operations: 2 * Double(size.weights), bytes: size.weights * 4)]
    }

    func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        var generator = SplitMix64(seed: task.seed &+ UInt64(task.layer) &* 0x9E37_79B9_7F4A_7C15)
        return BlockOutcome(pruning: task, group: group) { _, weight in
            Tensor(
                (0..<weight.count).map { _ in Float(generator.next() >> 40) }, shape: weight.shape, device: task.device)
        }
    }
}

extension MethodRegistry {
    fileprivate static let withRandom = MethodRegistry(
        standard.methods + [.random], standard: .wandaPlusPlus)
}

@Suite("A method of one file and one line")
struct RandomMethodTests {
    private func bench() throws -> Bench {
        let bench = try Bench { $0.layers = 3 }
        bench.methods = .withRandom
        return bench
    }

    private func choose(_ recipe: inout PruneRecipe) {
        (recipe.method, recipe.sparsity) = ("random", try? Sparsity(0.3))
        (recipe.calibration, recipe.samples, recipe.seed) = (nil, nil, 7)
    }

    @Test("it prunes: exact counts in its own groups, the same bytes for a seed, others for another")
    func prune() throws {
        let bench = try bench()
        let result = try bench.prune("out", choose)
        #expect(
            result.method == "random" && result.blocks.count == 3 && result.achieved > 0.28 && result.achieved <= 0.3)
        let checkpoint = try Checkpoint.open(bench.path("out"))
        let matrix = try Matrix(checkpoint, LinearName.q.weightName(layer: 2))
        // 16 columns: 10 and 6 of 16 rows, of which 48 and 28 go.
        let zeros = matrix.values.enumerated().filter { $0.element == 0 }.map { $0.offset % 16 }
        #expect(zeros.count { $0 < 10 } == 48 && zeros.count { $0 >= 10 } == 28)
        try bench.prune("again", choose)
        #expect(Folder.differences(try bench.files("out"), try bench.files("again")) == [])
        try bench.prune("other") {
            choose(&$0)
            $0.seed = 8
        }
        #expect(
            Folder.differences(try bench.files("out"), try bench.files("other")).contains("model.safetensors"))
    }

    @Test("its recipe, card and report have its name, and the recipe makes the same weights again")
    func documents() throws {
        let bench = try bench()
        try bench.prune("out", choose)
        let files = try bench.files("out")
        func text(_ name: String) throws -> String { String(decoding: try #require(files[name]), as: UTF8.self) }
        let recipe = try text("recipe.yaml")
        #expect(recipe.contains("\nmethod: random\npreset: default\nsparsity: 0.3\npattern: unstructured\n"))
        #expect(!recipe.contains("\nregional:") && !recipe.contains("\nstructure:"))
        let card = try text("README.md")
        #expect(card.contains("Pruned by Espalier with random, pattern unstructured: "))
        #expect(card.contains("tags:\n- pruned\n- random\n"))
        let report = try #require(try JSONValue(parsing: Array(text("report.json").utf8)).objectValue)
        #expect(report["method"]?.stringValue == "random")

        var again = try PruneRecipe(contentsOf: bench.path("out/recipe.yaml"))
        again.output = bench.path("again")
        _ = try PruneRun(try bench.context(try again.resolved(.withRandom))).start()
        #expect(Folder.differences(files, try bench.files("again")) == [])
    }

    @Test("recipes are checked against the registry: its name, its presets and the options that it does not take")
    func recipes() throws {
        func found(_ lines: String, _ registry: MethodRegistry = .withRandom) throws -> Fault? {
            let recipe = try PruneRecipe(yaml: "version: 1\nmodel: {path: m}\n" + lines, file: "r.yaml")
            return fault { _ = try recipe.resolved(registry) }
        }
        #expect(try found("method: random") == nil)
        let unknown = try #require(try found("method: random", .standard))
        #expect(unknown.kind == .badRecipe && unknown.place == "line 3, column 9 (method)")
        #expect(unknown.expected == "magnitude, wanda, sparsegpt, wanda++, tyr")
        let mistyped = try #require(try found("method: rando"))
        #expect(mistyped.expected?.hasSuffix(", random") == true && mistyped.advice == "did you mean random?")
        let regional = try #require(try found("method: random\nregional: {rounds: 2}"))
        #expect(regional.summary == "only wanda++ and tyr have regional settings")
        #expect(regional.place == "line 4, column 20 (regional.rounds)")
        #expect(try found("method: random\nstructure: {levels: 3}")?.summary == "only tyr removes whole units")
        #expect(
            try found("method: random\npattern: structured")?.summary == "the method and the pattern cannot be combined"
        )
        #expect(try found("method: random\npreset: paper")?.summary == "random has no preset paper")
    }

    @Test("its plan tells what the run then does")
    func plan() throws {
        let bench = try bench()
        let context = try bench.context("out", choose)
        let plan = try Plan(PlanSubject(context))
        let result = try PruneRun(context).start()
        let weights = try #require(try bench.files("out")["model.safetensors"])
        #expect(plan.weightBytes == weights.count)
        #expect(plan.linears.reduce(0) { $0 + $1.removed } == result.blocks.reduce(0) { $0 + $1.removed })
        #expect(plan.timeParts.map(\.name) == ["masks", "lots", "reading", "writing"])
        #expect(
            plan.memory.phases.map(\.name) == ["choosing a mask", "lots", "writing a block", "writing the checkpoint"])
        // Three blocks of 1920 weights.
        #expect(plan.operations == Double(3 * 2 * 1920))
        // Its step holds a number for each; a mask the pruned block, a byte for each, and the widest linear three
        // times.
        let (mask, lots) = (plan.memory.phases[0].bytes, plan.memory.phases[1].bytes)
        #expect(mask - lots == 1920 * 4 + 1920 + 768 * 12 - 1920 * 4)
        #expect(plan.json.objectValue?["method"]?.stringValue == "random")
    }

    @Test("an interrupted run goes on and ends in the same bytes, and a registry without it says so")
    func resume() throws {
        let bench = try bench()
        var copies: [String] = []
        try bench.prune("out", choose) { event in
            guard case .finished = event else { return }
            copies.append("copy-\(copies.count)")
            try? bench.copy("out.partial", to: copies[copies.count - 1])
        }
        #expect(copies.count == 3)
        let whole = try bench.files("out")
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            let refused = fault { _ = try PruneRun.interrupted(output: bench.path("out")) }
            #expect(refused?.kind == .badData && refused?.summary == "unknown method")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
        }
    }

    @Test("the allocations that the recipe offers serve it, too")
    func allocations() throws {
        let bench = try bench()
        for allocation in [Allocation.owl, .search] {
            let result = try bench.prune("out-\(allocation.text)") {
                choose(&$0)
                ($0.calibration, $0.samples) = ([bench.tokenFile], 16)
                $0.allocation = allocation
            }
            #expect(result.achieved > 0.27 && result.achieved < 0.31, "\(allocation.text)")
        }
    }
}
