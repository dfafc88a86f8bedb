import Checkpoints
import Decoders
import Evaluation
import Faults
import Foundation
import JSONText
import Planning
import Publishing
import Recipes
import Structure
import RunSupport
import TestSupport
import Testing
import Torch

@testable import Runs

@Suite("Structural runs")
struct StructuralTests {
    private static func tyr(_ recipe: inout PruneRecipe) {
        recipe.method = "tyr"
        recipe.effort = .quick
        // The models are so small that eight neurons are much of them.
        recipe.granularity = 1
    }

    private func bench(_ change: (inout TinyModel) -> Void = { _ in }) throws -> Bench {
        try Bench {
            $0.layers = 3
            change(&$0)
        }
    }

    @Test("as much as asked is gone, and no more than a tenth of a point beyond", arguments: [0.25, 0.5])
    func budget(sparsity: Double) throws {
        let bench = try bench {
            ($0.hidden, $0.intermediate) = (32, 200)
        }
        let result = try bench.prune("out") {
            Self.tyr(&$0)
            $0.sparsity = try? Sparsity(sparsity)
        }
        #expect(result.achieved >= sparsity && result.achieved <= sparsity + 0.001)
        let decoder = try Decoder(try Checkpoint.open(bench.path("out")))
        let dense = try Decoder(try Checkpoint.open(bench.model.path))
        func parameters(_ decoder: Decoder) -> Int {
            (0..<3).reduce(0) { $0 + decoder.configuration.parameterCount(layer: $1) }
        }
        let left = Double(parameters(decoder)) / Double(parameters(dense))
        #expect(abs(1 - left - result.achieved) < 1e-12)
        #expect(result.structure?.layers == decoder.configuration.layers)
        #expect(result.parametersBefore - result.parametersAfter == parameters(dense) - parameters(decoder))
        // The search never takes a step back.
        let steps = result.search.map(\.kl)
        #expect(steps.count > 1 && zip(steps, steps.dropFirst()).allSatisfy { $1 <= $0 })
    }

    @Test("skipped layers keep their heads and neurons, and the others lose as much more")
    func skipped() throws {
        let bench = try bench()
        let result = try bench.prune("out") {
            Self.tyr(&$0)
            $0.sparsity = try? Sparsity(0.25)
            $0.skippedLayers = try? LayerList(parsing: "0,-1")
        }
        let shapes = try Decoder(try Checkpoint.open(bench.path("out"))).configuration.layers
        let dense = try Decoder(try Checkpoint.open(bench.model.path)).configuration.layers
        #expect(shapes[0] == dense[0] && shapes[1] != dense[1] && shapes[2] == dense[2])
        #expect(result.achieved >= 0.25)
        _ = try FolderVerification(bench.path("out"))
    }

    @Test("uniform layers make a plain model of the family", arguments: 1...4 as ClosedRange<UInt64>)
    func uniform(seed: UInt64) throws {
        // 9 query heads on 3 key-value heads: which shapes are useful differs from layer to layer.
        let bench = try bench {
            ($0.hidden, $0.heads, $0.keyValueHeads, $0.seed) = (36, 9, 3, seed)
        }
        let result = try bench.prune("out") {
            Self.tyr(&$0)
            $0.isUniform = true
            $0.sparsity = try? Sparsity(0.4)
        }
        let decoder = try Decoder(try Checkpoint.open(bench.path("out")))
        #expect(decoder.configuration.isUniform && result.structure?.isPlain == true && result.achieved >= 0.4)
        let json = decoder.checkpoint.configuration
        // Other software refuses a Llama whose hidden size its heads do not divide.
        let divides = 36.isMultiple(of: decoder.configuration.layers[0].headCount)
        #expect(json["model_type"]?.stringValue == (divides ? "llama" : "mistral") && json["espalier"] == nil)
        #expect(json["intermediate_size"]?.integerValue == decoder.configuration.layers[0].intermediateSize)
        #expect(json["head_dim"]?.integerValue == 4)
        // A granule more in every layer would not fit any more.
        let dense = try Decoder(try Checkpoint.open(bench.model.path)).configuration
        let whole = (0..<3).reduce(0) { $0 + dense.parameterCount(layer: $1) }
        let layers = decoder.configuration.layerCount
        let left = (0..<layers).reduce(0) { $0 + decoder.configuration.parameterCount(layer: $1) }
        #expect(left + layers * 3 * 36 > Int(Double(whole) * 0.6) || decoder.configuration.layers[0] == dense.layers[0])
    }

    @Test("one key-value head and thin calibration text are said, and the run ends well")
    func oneHead() throws {
        let bench = try bench {
            ($0.heads, $0.keyValueHeads, $0.intermediate) = (4, 1, 160)
        }
        let settings = try bench.settings("out") {
            Self.tyr(&$0)
            $0.budget = .keyValueCache
            $0.sparsity = try? Sparsity(0.3)
        }
        let context = try bench.context(settings)
        #expect(context.warnings.contains { $0.contains("one key-value head") })
        // 12 of 16 samples of 12 tokens make candidates.
        #expect(context.warnings.contains { $0.hasPrefix("144 calibration tokens are fewer than the 160 columns") })
        let result = try PruneRun(context).start()
        let layers = try #require(result.structure).layers
        #expect(layers.count { !$0.hasAttention } == 1 && result.achieved >= 0.3)
    }

    @Test("a layer that does nothing is dropped from a uniform model, and the others are numbered anew")
    func droppedLayer() throws {
        let bench = try bench {
            $0.layers = 4
            $0.edit = { name, values in
                guard name.contains("layers.1."), name.contains("o_proj") || name.contains("down_proj") else { return }
                for i in values.indices { values[i] = 0 }
            }
        }
        let result = try bench.prune("out") {
            Self.tyr(&$0)
            $0.isUniform = true
            $0.regionalOptimizer = false
            $0.sparsity = try? Sparsity(0.25)
        }
        let found = try Decoder(try Checkpoint.open(bench.path("out")))
        let dense = try Decoder(try Checkpoint.open(bench.model.path))
        #expect(found.configuration.layerCount == 3 && found.checkpoint.configuration["espalier"] == nil)
        #expect(result.structure?.layers.map(\.hasMLP) == [true, false, true, true] && result.achieved >= 0.25)
        #expect(result.linears.contains("model.layers.2.mlp.up_proj.weight"))
        #expect(!result.linears.contains("model.layers.3.mlp.up_proj.weight"))
        for (layer, source) in [0, 2, 3].enumerated() {
            #expect(try found.block(layer).gateUp.weight.floats() == dense.block(source).gateUp.weight.floats())
        }
        _ = try FolderVerification(bench.path("out"))
    }

    @Test("without re-training a compact model is its blocks compacted: nothing else has changed")
    func plainSlices() throws {
        let bench = try bench()
        try bench.prune("out") {
            Self.tyr(&$0)
            $0.regionalOptimizer = false
        }
        let decoder = try Decoder(try Checkpoint.open(bench.path("out")))
        let dense = try Decoder(try Checkpoint.open(bench.model.path))
        for layer in 0..<3 {
            let (found, source) = (try decoder.block(layer), try dense.block(layer))
            // Every row of gate that stays is one of the dense rows, in their order.
            let width = source.weight(.gate).size(1)
            func rows(_ tensor: Tensor) -> [[Float]] {
                let values = tensor.floats()
                return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
            }
            for linear in [LinearName.q, .k, .v, .gate, .up] {
                let (some, all) = (rows(found.weight(linear)), rows(source.weight(linear)))
                let places = some.compactMap { all.firstIndex(of: $0) }
                #expect(places.count == some.count && places == places.sorted())
            }
        }
    }

    @Test("a budget is met in its own unit", arguments: Budget.allCases)
    func units(budget: Budget) throws {
        let bench = try bench {
            ($0.hidden, $0.heads, $0.keyValueHeads, $0.intermediate) = (32, 8, 4, 200)
        }
        let result = try bench.prune("out") {
            Self.tyr(&$0)
            $0.budget = budget
            $0.sparsity = try? Sparsity(0.3)
        }
        #expect(result.achieved >= 0.3)
        let decoder = try Decoder(try Checkpoint.open(bench.path("out")))
        let (before, after) = (try Decoder(try Checkpoint.open(bench.model.path)).configuration, decoder.configuration)
        let report = try #require(result.structure)
        switch budget {
        case .parameters: #expect(result.achieved <= 0.301)
        case .bytes:
            func bytes(_ folder: String) throws -> Int {
                try Checkpoint.open(folder).tensors.reduce(0) { $0 + $1.byteCount }
            }
            #expect(try report.before == bytes(bench.model.path))
            #expect(try report.after == bytes(bench.path("out")))
            #expect(result.achieved <= 0.301)
        case .keyValueCache:
            func heads(_ shapes: [LayerShape]) -> Int { shapes.reduce(0) { $0 + $1.keyValueHeadCount } }
            #expect(heads(before.layers) == 12 && heads(after.layers) <= 8)
            #expect(abs(result.achieved - 1 + Double(heads(after.layers)) / 12) < 1e-12)
            // Neurons do not count, and none is lost.
            #expect(after.layers.map(\.intermediateSize) == before.layers.map(\.intermediateSize))
        case .latency: #expect(report.before > report.after && report.after > 0 && report.latency != nil)
        }
        // What was left out stays out when the run is resumed from its search.
        #expect(report.layers == after.layers)
    }

    @Test("with separate budgets attention and MLP lose their share each")
    func separate() throws {
        let bench = try bench { ($0.hidden, $0.intermediate) = (32, 200) }
        try bench.prune("out") {
            Self.tyr(&$0)
            $0.separatesBudgets = true
            $0.sparsity = try? Sparsity(0.4)
        }
        let found = try Decoder(try Checkpoint.open(bench.path("out"))).configuration
        let dense = try Decoder(try Checkpoint.open(bench.model.path)).configuration
        for kind in SubLayer.Kind.allCases {
            func count(_ model: DecoderConfiguration) -> Double {
                Double(model.layers.reduce(0) { $0 + model.parameterCount($1.part(kind)) })
            }
            #expect(count(found) <= 0.6 * count(dense))
            if kind == .mlp { #expect(count(found) > 0.59 * count(dense)) }
        }
    }

    @Test("the paper's search goes from uniform to finer levels, and an abort anywhere changes nothing")
    func paper() throws {
        let bench = try bench { ($0.layers, $0.intermediate) = (2, 64) }
        let change: (inout PruneRecipe) -> Void = {
            Self.tyr(&$0)
            $0.effort = .paper
            ($0.generations, $0.offspring, $0.iterations) = (2, 6, 2)
            $0.selection = try? SelectionStages(parsing: "3:12,1:48")
        }
        var copies: [String] = []
        let result = try bench.prune("out", change) { event in
            guard case .progress = event else { return }
            copies.append("copy-\(copies.count)")
            try? bench.copy("out.partial", to: copies[copies.count - 1])
        }
        #expect(
            result.search.map(\.step) == ["uniform", "generation", "generation", "start", "generation", "generation"])
        let whole = try bench.files("out")
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
        }
    }

    @Test("a latency that was measured is not measured again")
    func latency() throws {
        let bench = try bench()
        var copies: [String] = []
        try bench.prune(
            "out",
            {
                Self.tyr(&$0)
                $0.budget = .latency
            }
        ) { event in
            guard case .progress(_, _, let fraction) = event, fraction > 0.15 else { return }
            copies.append("copy-\(copies.count)")
            try? bench.copy("out.partial", to: copies[copies.count - 1])
        }
        let whole = try bench.files("out")
        for copy in [copies[0], copies[copies.count / 2]] {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
        }
    }

    @Test("what cannot be met is said before the long work, by plan and run, with what can", arguments: [0, 1, 2, 3])
    func unreachable(which: Int) throws {
        let bench = try bench()
        let change: (inout PruneRecipe) -> Void = {
            Self.tyr(&$0)
            switch which {
            case 0: $0.granularity = 7
            case 1: $0.granularity = 48
            case 2: $0.selection = try? SelectionStages(parsing: "2:12,1:49")
            default:
                $0.budget = .bytes
                $0.sparsity = try? Sparsity(0.95)
            }
        }
        let found = try #require(fault { try bench.prune("out", change) })
        #expect(found.kind == .usage && found.expected != nil && found.advice != nil)
        switch which {
        case 0: #expect(found.expected == "a divisor of 24" && found.advice == "use 6")
        case 1: #expect(found.advice == "use 24")
        case 2: #expect(found.found == "49" && found.expected?.hasPrefix("at most 48") == true)
        default: #expect(found.summary == "the budget cannot be met")
        }
        let context = try bench.context(bench.settings("out", change))
        #expect(fault { _ = try Plan(PlanSubject(context)) }?.description == found.description)
    }

    @Test("an abort anywhere ends in the same bytes as none")
    func everyMoment() throws {
        let bench = try bench()
        var copies: [String] = []
        try bench.prune("out", Self.tyr) { event in
            guard case .progress = event else { return }
            copies.append("copy-\(copies.count)")
            try? bench.copy("out.partial", to: copies[copies.count - 1])
        }
        #expect(copies.count > 15)
        let whole = try bench.files("out")
        #expect(!whole.keys.contains { $0.hasPrefix("supernet") || $0.hasPrefix("part") })
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
        }
        // And the published recipe makes them again.
        let recipe = try PruneRecipe(contentsOf: bench.path("out/recipe.yaml"))
        var again = recipe
        again.output = bench.path("again")
        _ = try PruneRun(try bench.context(try again.resolved())).start()
        #expect(Folder.differences(try bench.files("again"), whole) == [])
    }

    @Test("biases go with their units, and the folder opens", arguments: [0.3, 0.6])
    func biases(sparsity: Double) throws {
        let bench = try bench {
            $0.configuration = [("attention_bias", .bool(true)), ("mlp_bias", .bool(true))]
            for layer in 0..<3 {
                for (name, rows) in [
                    ("self_attn.q_proj", 16), ("self_attn.k_proj", 8), ("self_attn.v_proj", 8),
                    ("self_attn.o_proj", 16), ("mlp.gate_proj", 24), ("mlp.up_proj", 24), ("mlp.down_proj", 16),
                ] { $0.extra.append(("model.layers.\(layer).\(name).bias", [rows])) }
            }
        }
        let result = try bench.prune("out") {
            Self.tyr(&$0)
            $0.sparsity = try? Sparsity(sparsity)
            $0.outputDType = .float16
        }
        let decoder = try Decoder(try Checkpoint.open(bench.path("out")))
        #expect(decoder.configuration.layers == result.structure?.layers)
        _ = try FolderVerification(bench.path("out"))
        let windows = try TokenWindows(ids: Bench.rows(2, 12).flatMap { $0 }, length: 12)
        #expect(try StreamedEvaluation(decoder, dtype: .float32).measure(windows).perplexity.isFinite)
    }

    @Test("the supernet stays where it is asked for, and a compact model can be pruned again")
    func again() throws {
        let bench = try bench()
        try bench.prune("out") {
            Self.tyr(&$0)
            $0.keepsSupernet = true
        }
        #expect(bench.exists("out/supernet-00002-mlp.safetensors"))
        let result = try bench.prune("sparse") {
            $0.model = bench.path("out")
            $0.method = "wanda++"
        }
        #expect(abs(result.achieved - 0.5) < 0.02)
        let (compact, sparse) = (
            try Decoder(try Checkpoint.open(bench.path("out"))), try Decoder(try Checkpoint.open(bench.path("sparse")))
        )
        #expect(compact.configuration == sparse.configuration)
    }

    @Test("a model that has lost whole sub-layers can be pruned again, with an allocation of its own")
    func thin() throws {
        let bench = try bench()
        var isThin = false
        for sparsity in [0.9, 0.7, 0.6, 0.95] where !isThin {
            try bench.prune("thin") {
                Self.tyr(&$0)
                $0.sparsity = try? Sparsity(sparsity)
                $0.overwrite = true
            }
            let layers = try Decoder(try Checkpoint.open(bench.path("thin"))).configuration.layers
            isThin = layers.contains { $0.hasAttention != $0.hasMLP }
        }
        #expect(isThin)
        let result = try bench.prune("sparse") {
            $0.model = bench.path("thin")
            $0.method = "sparsegpt"
            $0.allocation = .search
            $0.sparsity = try? Sparsity(0.5)
        }
        #expect(abs(result.achieved - 0.5) < 0.05)
    }

    @Test("impossible wishes are refused before any work")
    func refusals() throws {
        let bench = try bench()
        for change: (inout PruneRecipe) -> Void in [
            { $0.samples = 1 }, { $0.pattern = .keep(2, of: 4) }, { $0.allocation = .owl }, { $0.targets = ["mlp"] },
            { $0.preset = .paper }, { $0.granularity = 0 }, { $0.alpha = 1 }, { $0.allocation = .search },
            { $0.levels = 1 }, { $0.iterations = 0 }, { $0.interval = try? Sparsity(0.001) },
            {
                $0.isUniform = true
                $0.generations = 4
            },
            {
                $0.offspring = 2
                $0.selection = try? SelectionStages(parsing: "3:12,1:48")
            },
        ] {
            let found = fault {
                try bench.prune("out") {
                    Self.tyr(&$0)
                    change(&$0)
                }
            }
            #expect(found?.kind == .usage)
        }
        let other = fault { try bench.prune("out") { $0.granularity = 4 } }
        #expect(other?.place?.contains("structure.granularity") == true || other?.kind == .usage)
        #expect(!bench.exists("out.partial"))
    }
}
