import Checkpoints
import Decoders
import Faults
import JSONText
import Planning
import Recipes
import RunSupport
import TestSupport
import Testing

@testable import Runs

@Suite("Runs for an engine")
struct EngineTests {
    private func bench(_ change: (inout TinyModel) -> Void = { _ in }) throws -> Bench {
        try Bench {
            ($0.layers, $0.hidden, $0.intermediate) = (3, 16, 512)
            change(&$0)
        }
    }

    private func recipe(_ engines: String?, uniform: Bool? = nil, _ share: Double = 0.4) -> (inout PruneRecipe) -> Void
    {
        {
            ($0.method, $0.effort, $0.isUniform) = ("tyr", .quick, uniform)
            $0.engines = engines.flatMap { try? ServingEngines(parsing: $0) }
            $0.sparsity = try? Sparsity(share)
        }
    }

    private func layers(_ bench: Bench, _ name: String) throws -> [LayerShape] {
        try Decoder(try Checkpoint.open(bench.path(name))).configuration.layers
    }

    @Test(
        "layers may differ, in what the layouts of all engines hold", arguments: ["vllm", "sglang", "mlx", "llama.cpp"])
    func ragged(engine: String) throws {
        let bench = try bench { ($0.heads, $0.keyValueHeads) = (4, 2) }
        let result = try bench.prune("out", recipe("\(engine),transformers"))
        let multiple = try ServingEngine(parsing: engine).widthMultiple(isUniform: false)
        let layers = try layers(bench, "out")
        #expect(layers.allSatisfy { $0.intermediateSize.isMultiple(of: multiple) })
        if engine != "llama.cpp" {
            #expect(layers.allSatisfy { $0.headCount == 4 || $0.headCount == 0 } && layers[0].headCount == 4)
        }
        #expect(result.achieved >= 0.4 && result.structure?.misaligned == [])
        let opens = try #require(result.structure).serving.rows
        #expect(opens.map(\.isUniform) == [true, false])
        #expect(opens.allSatisfy { $0.entries.count == ServingEngine.allCases.count })
        #expect(opens[1].entries.allSatisfy { $0.engine.text != engine || $0.obstacle == nil })
        #expect(result.json.objectValue?["opens_in"]?.arrayValue?.count == 2)
    }

    @Test("--uniform still makes layers alike, in the multiples of the engines' kernels")
    func uniform() throws {
        let bench = try bench { $0.intermediate = 192 }
        let result = try bench.prune("out", recipe("llama.cpp,mlx", uniform: true))
        let found = try layers(bench, "out")
        #expect(result.structure?.isPlain == true && found[0].intermediateSize.isMultiple(of: 64))
    }

    @Test("an engine that could not open the result is named before any work")
    func refused() throws {
        func refusal(
            _ engine: String, _ change: @escaping (inout TinyModel) -> Void, uniform: Bool? = nil
        ) throws -> Fault? {
            let bench = try bench(change)
            let found = fault { try bench.prune("out", recipe(engine, uniform: uniform)) }
            #expect(!bench.exists("out.partial"))
            let context = try bench.context(bench.settings("out", recipe(engine, uniform: uniform)))
            #expect(fault { _ = try Plan(PlanSubject(context)) }?.description == found?.description)
            return found
        }
        let gemma: (inout TinyModel) -> Void = { ($0.isGemma, $0.layers) = (true, 4) }
        for engine in ["vllm", "llama.cpp"] {
            let found = try #require(try refusal(engine, gemma))
            #expect(found.kind == .usage && found.place == "--for" && found.found == "gemma3_text")
            #expect(found.summary.hasPrefix("\(engine) cannot open this model"))
            #expect(found.advice?.contains("--uniform") == true)
            #expect(try refusal(engine, gemma, uniform: true) == nil)
        }
        #expect(try refusal("transformers", gemma) == nil)
        // A window is refused by llama.cpp's export whatever the shapes are; one as long as the context is none.
        func windowed(_ window: Int) -> (inout TinyModel) -> Void {
            {
                $0.configuration = [
                    ("model_type", .string("mistral")), ("architectures", .array([.string("MistralForCausalLM")])),
                    ("sliding_window", .integer(window)),
                ]
            }
        }
        for isUniform in [nil, true] {
            let found = try #require(try refusal("llama.cpp", windowed(8), uniform: isUniform))
            #expect(found.kind == .usage && found.found == "8 positions, with a context of 64")
            #expect(found.advice == "leave llama.cpp out")
            #expect(try refusal("llama.cpp", windowed(64), uniform: isUniform) == nil)
        }
        #expect(try refusal("transformers", windowed(8), uniform: true) == nil)
        let windows = try self.bench(windowed(8))
        let plan = try Plan(PlanSubject(try windows.context(windows.settings("out", recipe(nil, uniform: true)))))
        let rows = try #require(plan.serving).rows
        #expect(rows.allSatisfy { $0.text.contains("else not in") && $0.text.contains("llama.cpp") })
        #expect(rows[0].entries.filter { $0.obstacle != nil }.map(\.engine) == [.llamaCpp])
        // 320 is no multiple of 256, which vLLM does not need.
        let narrow: (inout TinyModel) -> Void = { $0.intermediate = 320 }
        #expect(try refusal("sglang", narrow)?.found == "a width of 320")
        #expect(try refusal("vllm", narrow) == nil)
    }

    @Test("without engines widths are multiples of eight, or whole", arguments: [200, 172])
    func widths(dense: Int) throws {
        let bench = try bench { $0.intermediate = dense }
        let result = try bench.prune("out", recipe(nil))
        let found = try layers(bench, "out").map(\.intermediateSize)
        #expect(found.allSatisfy { $0.isMultiple(of: 8) || $0 == dense })
        #expect(result.structure?.misaligned == (found.contains(172) ? [172] : []))
        // Another number that was asked for is taken.
        _ = try bench.prune("odd") {
            recipe(nil)(&$0)
            $0.granularity = 1
        }
        #expect(try layers(bench, "odd").contains { !$0.intermediateSize.isMultiple(of: 8) })
    }

    @Test("a plan says where the result opens, and what widths cost")
    func plan() throws {
        let bench = try bench { $0.intermediate = 172 }
        let context = try bench.context(bench.settings("out", recipe("vllm")))
        let plan = try Plan(PlanSubject(context))
        let rows = try #require(plan.serving).rows
        #expect(rows[1].isChosen && rows[1].text.contains("vllm: export --to deci"))
        #expect(rows[1].text.contains("else not in sglang, mlx") && rows[0].text.contains("as it is"))
        let limits = try #require(rows[1].entries.first { $0.engine == .vllm }).limits.joined(separator: "\n")
        #expect(limits.contains("a layer keeps all or none") && limits.contains("multiples of 128"))
        #expect(plan.assumptions.contains { $0.contains("smaller, not faster (the model's own: 172)") })
        #expect(plan.json.objectValue?["opens_in"]?.arrayValue?.count == 2)
    }
}
