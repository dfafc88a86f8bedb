import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Recipes
import Runs
import Settings
import RunSupport
import TestSupport
import Testing

@testable import Planning

@Suite("Plans")
struct PlanTests {
    @Test("sizes of files are exact but for those of results", arguments: Arm.allCases)
    func bytes(arm: Arm) throws {
        let bench = try Bench { $0.layers = 3 }
        try bench.model.write("tokenizer_config.json", #"{"model_max_length": 64}"#)
        for size in ["5GB", "9KB"] {
            let context = try bench.context("out-\(size)") {
                arm.apply(to: &$0)
                $0.shardSize = try? ByteSize(parsing: size)
                $0.outputDType = .float16
            }
            let plan = try Plan(PlanSubject(context))
            _ = try PruneRun(context).start()
            let files = try bench.files("out-\(size)")
            #expect(Set(plan.output.files.map(\.name)) == Set(files.keys))
            for file in plan.output.files where file.isExact {
                #expect(file.bytes == files[file.name]?.count, "\(file.name)")
            }
            let weights = files.filter { $0.key.hasSuffix(".safetensors") }.values.reduce(0) { $0 + $1.count }
            #expect(plan.weightBytes == weights)
            // Parts and shards are there together for a while.
            #expect(plan.stagingBytes > plan.weightBytes)
        }
    }

    @Test("a plan of whole units tells about what a run of it makes")
    func structural() throws {
        let bench = try Bench { $0.layers = 3 }
        let context = try bench.context("out") {
            $0.method = "tyr"
            $0.effort = .quick
            // Of 24 neurons eight are many.
            $0.granularity = 1
        }
        let plan = try Plan(PlanSubject(context))
        _ = try PruneRun(context).start()
        let files = try bench.files("out")
        #expect(Set(plan.output.files.map(\.name)) == Set(files.keys))
        let weights = files.filter { $0.key.hasSuffix(".safetensors") }.values.reduce(0) { $0 + $1.count }
        #expect(abs(plan.weightBytes - weights) < weights / 20)
        #expect(plan.timeParts.contains { $0.name == "search" && $0.seconds > 0 })
        #expect(plan.timeParts.contains { $0.name == "candidates" && $0.seconds > 0 })
        #expect(plan.operations > 0 && plan.stagingBytes > plan.weightBytes * 2)
    }

    @Test("removed weights are those that a run removes", arguments: Arm.allCases, ["2:4", "0.3"])
    func removed(arm: Arm, goal: String) throws {
        let bench = try Bench()
        let context = try bench.context("out") {
            arm.apply(to: &$0)
            if goal.contains(":") {
                $0.pattern = try? PatternChoice(parsing: goal)
            } else {
                $0.sparsity = try? Sparsity(0.3)
            }
            $0.targets = [#"layers\.1\."#]
        }
        let plan = try Plan(PlanSubject(context))
        let result = try PruneRun(context).start()
        #expect(plan.linears.reduce(0) { $0 + $1.weights } == result.blocks.reduce(0) { $0 + $1.weights })
        #expect(plan.linears.reduce(0) { $0 + $1.removed } == result.blocks.reduce(0) { $0 + $1.removed })
        #expect(plan.linears.allSatisfy { $0.count == 1 })
    }

    @Test("where a search leaves linears dense, a plan shows each with its share of what all lose")
    func patternOrDense() throws {
        let bench = try Bench()
        let plan = try Plan(
            PlanSubject(
                try bench.context("out") {
                    $0.method = "wanda"
                    $0.pattern = .keep(2, of: 4)
                    $0.sparsity = try? Sparsity(0.25)
                }))
        #expect(plan.linears.allSatisfy { $0.removed * 4 == $0.weights })
    }

    /// Two blocks of 1920 weights, 384 of them in `down`; 16 sequences of 12 tokens, 2 of which are judged.
    @Test("operations are those of the matrix products")
    func operations() throws {
        let bench = try Bench()
        func operations(_ arm: Arm) throws -> Double {
            let subject = PlanSubject(try bench.context("out") { arm.apply(to: &$0) })
            return PlanOperations(subject, work: PlanWork(subject)).total
        }
        // Query 1 sees 1 key, query 12 sees 12: 78 pairs, 16 wide, in two products.
        let forward = 2 * 12 * 1920 + 78 * 16 * 2 * 2
        let wanda = 2 * (16 * (forward - 2 * 12 * 384) + 2 * 2 * forward) + 16 * forward
        #expect(try operations(.wanda) == Double(wanda))
        // Its mask needs no data, its error does.
        #expect(try operations(.magnitude) == Double((16 + 2 * 2 * 2) * forward))
        // Gram matrices of 16, 16, 16 and 24 columns, half of each; two factors and an inverse of each; the solves.
        let columns = [16, 16, 16, 24]
        let grams = columns.reduce(0) { $0 + 12 * $1 * $1 }
        let factors = columns.reduce(0) { $0 + 4 * $1 * $1 * $1 / 3 }
        let solves = (1920 - 384) * 16 + 384 * 24
        let sparsegpt = wanda + 2 * (16 * grams + 2 * forward + factors + solves)
        #expect(abs(try operations(.sparsegpt) - Double(sparsegpt)) < 20)
        // Forward and back is three forwards but for the derivative of the block's input: 512 weights in q, k and v.
        let start = try operations(.wandaPlusPlus)
        let training = 3 * forward - 2 * 12 * 512
        #expect(start > Double(2 * 5 * 14 * training) && start < Double(2 * 5 * 14 * training) * 2)
    }

    @Test("a plan without calibration text says what it assumes and counts the same work")
    func assumed() throws {
        let bench = try Bench()
        var settings = try bench.settings("out") { $0.sequenceLength = 12 }
        let read = PlanSubject(try bench.context(settings))
        settings.calibration = []
        let decoder = try Decoder(try Checkpoint.open(settings.model))
        let subject = try PlanSubject(settings, decoder: decoder, compute: .float32)
        #expect(subject.samples == read.samples && subject.tokens == read.tokens && !subject.isCalibrated)
        let plan = try Plan(subject)
        #expect(
            plan.assumptions.contains { $0.contains("no calibration text") && $0.contains("16 samples of 12 tokens") })
        #expect(!FileManager.default.fileExists(atPath: bench.path("out.partial")))
        let json = try #require(try JSONValue(parsing: plan.json.text()).objectValue)
        #expect(json["peak_memory_bytes"]?.integerValue == plan.peakMemoryBytes && plan.peakMemoryBytes > 0)
        #expect(json["memory_limit_bytes"]?.integerValue == plan.memoryLimitBytes)
        // Half of what is free.
        #expect(plan.memoryLimitBytes > 100_000_000)
        #expect(json["seconds"]?.doubleValue ?? 0 > 0)
        settings.memory = try ByteSize(parsing: "3MB")
        #expect(try Plan(try PlanSubject(settings, decoder: decoder, compute: .float32)).memoryLimitBytes == 3_000_000)
        // Longer than the model's context is cut.
        settings.sequenceLength = nil
        #expect(try PlanSubject(settings, decoder: decoder, compute: .float32).tokens == 64)
    }

    @Test(
        "a configuration alone makes the same plan but for the time",
        arguments: ["magnitude", "wanda", "sparsegpt", "wanda++", "tyr"])
    func configurationAlone(method: String) throws {
        let bench = try Bench { $0.layers = 3 }
        var settings = try bench.settings("out") {
            $0.method = method
            $0.sequenceLength = 12
        }
        settings.calibration = []
        func plan() throws -> Plan {
            let decoder = try Decoder(try Checkpoint.openOrDescribe(settings.model))
            // So narrow that a block of 1920 weights is one of fewer.
            return try Plan(PlanSubject(settings, decoder: decoder, compute: .float32), weightsAtMost: 1000)
        }
        let read = try plan()
        try FileManager.default.removeItem(atPath: bench.model.path + "/model.safetensors")
        let described = try plan()
        #expect(read.output.files == described.output.files && read.stagingBytes == described.stagingBytes)
        #expect(read.operations == described.operations)
        #expect(Set(read.timeParts.map(\.name)) == Set(described.timeParts.map(\.name)))
        #expect(described.assumptions.count { $0.contains("there are no weights") } == 1)
        #expect(described.assumptions.contains { $0.contains("narrower block of random weights") })
        #expect(!read.assumptions.contains { $0.contains("there are no weights") || $0.contains("random") })
        func weights(_ plan: Plan) throws -> JSONObject {
            try #require(try JSONValue(parsing: plan.json.text()).objectValue?["weights"]?.objectValue)
        }
        #expect(try weights(read)["read"] == .bool(true) && weights(described)["read"] == .bool(false))
        #expect(try weights(read)["parameters"] == weights(described)["parameters"])
    }

    @Test(
        "a model that no test machine holds has a plan", arguments: ["wanda++", "tyr"])
    func large(method: String) throws {
        let model = try TemporaryFolder()
        try model.write("config.json", LargeModel.configuration)
        var recipe = PruneRecipe()
        (recipe.model, recipe.method, recipe.calibration) = (model.path, method, ["self"])
        // Longer ones take longer to measure.
        recipe.sequenceLength = 64
        var settings = try recipe.resolved()
        settings.calibration = []
        let decoder = try Decoder(try Checkpoint.openOrDescribe(model.path))
        let plan = try Plan(PlanSubject(settings, decoder: decoder, compute: .float32), weightsAtMost: 1 << 18)
        if method == "tyr" {
            #expect(plan.weightBytes > LargeModel.parameters && plan.weightBytes < LargeModel.parameters * 5 / 4)
        } else {
            // Two bytes each; the headers are small.
            let header = plan.weightBytes - 2 * LargeModel.parameters
            #expect(header > 0 && header < 1 << 20)
        }
        #expect(plan.seconds > 0 && plan.seconds.isFinite && plan.peakMemoryBytes > 855_638_016 * 4)
    }

    @Test("a narrower block keeps the proportions")
    func narrower() throws {
        let json = try #require(try JSONValue(parsing: LargeModel.configuration).objectValue)
        let large = try DecoderConfiguration(json, file: "config.json")
        let narrow = large.narrowed(layer: 7, weightsAtMost: 1 << 26)
        #expect(narrow.layers == [LayerShape(headCount: 16, keyValueHeadCount: 2, intermediateSize: 7168)])
        #expect(narrow.hiddenSize == 2048 && narrow.headDimension == 128 && narrow.windows.count == 1)
        for limit in [1 << 10, 1 << 18, 1 << 22, 1 << 25] {
            let narrow = large.narrowed(layer: 0, weightsAtMost: limit)
            #expect(narrow.weightCount(layer: 0) <= max(limit, 1 << 17))
            #expect(narrow.layers[0].keyValueHeadCount == 2)
        }
        #expect(large.narrowed(layer: 0, weightsAtMost: 1 << 30).layers == [large.layers[0]])
        // Operations of work that is quadratic and cubic in the width.
        let (whole, part) = (
            BlockOperations(large, layer: 0, tokens: 2048), BlockOperations(narrow, layer: 0, tokens: 2048)
        )
        #expect(abs(whole.solve / part.solve - 64) < 1e-9 && abs(whole.grams / part.grams - 16) < 1e-9)
        #expect(whole.forward / part.forward > 15 && whole.forward / part.forward < 16.5)
    }

    @Test("few tokens are a warning in a plan, too")
    func warnings() throws {
        let bench = try Bench()
        var settings = try bench.settings("out") {
            $0.samples = 1
            $0.sequenceLength = 4
        }
        settings.calibration = []
        let decoder = try Decoder(try Checkpoint.open(settings.model))
        #expect(try PlanSubject(settings, decoder: decoder, compute: .float32).warnings.count == 1)
    }

    @Test("memory grows with the samples, and less when hidden states are on the disk")
    func memory() throws {
        let bench = try Bench()
        var settings = try bench.settings("out") { $0.sequenceLength = 64 }
        settings.calibration = []
        let decoder = try Decoder(try Checkpoint.open(settings.model))
        func phases(_ settings: PruneSettings) throws -> PlanMemory {
            let subject = try PlanSubject(settings, decoder: decoder, compute: .float32)
            return PlanMemory(subject, work: PlanWork(subject), base: 0)
        }
        settings.samples = 16
        let few = try phases(settings)
        settings.samples = 1600
        let many = try phases(settings)
        settings.offload = bench.work.path
        let offloaded = try phases(settings)
        #expect(many.streamBytes == 2 * 1600 * 64 * 16 * 4)
        #expect(many.peak.bytes > few.peak.bytes + many.streamBytes / 2)
        #expect(offloaded.peak.bytes < many.peak.bytes - many.streamBytes / 2)
    }

    @Test("with a GPU its memory takes the computation, and the states as long as they fit")
    func device() throws {
        let bench = try Bench()
        var settings = try bench.settings("out") {
            $0.sequenceLength = 64
            $0.samples = 1600
        }
        settings.calibration = []
        let decoder = try Decoder(try Checkpoint.open(settings.model))
        let subject = try PlanSubject(settings, decoder: decoder, compute: .float32)
        func memory(_ left: Int?) -> PlanMemory {
            PlanMemory(subject, work: PlanWork(subject), base: 0, deviceLeft: left)
        }
        let (processor, roomy, narrow) = (memory(nil), memory(1 << 30), memory(1 << 20))
        let (most, least) = (try #require(roomy.devicePeak), try #require(narrow.devicePeak))
        #expect(processor.devicePeak == nil)
        #expect(most.deviceBytes > roomy.streamBytes && least.deviceBytes < narrow.streamBytes)
        #expect(roomy.peak.bytes < narrow.peak.bytes && narrow.peak.bytes > narrow.streamBytes)
        // What the processor computes with is the same.
        #expect(most.deviceBytes <= processor.peak.bytes)
    }

    @Test("a search on a model of 70 billion parameters is planned within 48 GB, and tells what a generation reads")
    func searchOfSeventyBillion() throws {
        let model = try TemporaryFolder()
        try model.write(
            "config.json",
            """
            {"model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
             "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256, "rope_theta": 500000.0,
             "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "torch_dtype": "bfloat16"}
            """)
        var recipe = PruneRecipe()
        (recipe.model, recipe.method, recipe.calibration) = (model.path, "tyr", ["self"])
        (recipe.samples, recipe.sequenceLength) = (128, 2048)
        recipe.memory = try ByteSize(parsing: "8GB")
        var settings = try recipe.resolved()
        settings.calibration = []
        let decoder = try Decoder(try Checkpoint.openOrDescribe(model.path))
        let subject = try PlanSubject(settings, decoder: decoder, compute: .bfloat16)
        // The libraries take less.
        let memory = PlanMemory(subject, work: PlanWork(subject), base: 1_000_000_000)
        #expect(memory.peak.bytes <= 48_000_000_000, "\(memory.peak)")
        // The blocks' 137 GB are read for each stage at least once.
        #expect(memory.generationBytes > 3 * 130_000_000_000)
        // The states of stages go to the disk where they do not fit, those of the dense model with them.
        settings.memory = try ByteSize(parsing: "1GB")
        let narrow = PlanMemory(
            try PlanSubject(settings, decoder: decoder, compute: .bfloat16), work: PlanWork(subject),
            base: 1_000_000_000)
        func searching(_ memory: PlanMemory) throws -> Int {
            try #require(memory.phases.first { $0.name == "searching" }).bytes
        }
        #expect(try searching(narrow) < searching(memory) - 1_000_000_000)
        settings.memory = try ByteSize(parsing: "80GB")
        let roomy = PlanMemory(
            try PlanSubject(settings, decoder: decoder, compute: .bfloat16), work: PlanWork(subject),
            base: 1_000_000_000)
        #expect(try searching(roomy) > searching(memory))
    }

    @Test("a plan says where the options for hidden states do not hold, and counts what a search puts into the folder")
    func keptStates() throws {
        let bench = try Bench()
        func plan(_ change: (inout PruneRecipe) -> Void) throws -> Plan {
            try Plan(
                PlanSubject(
                    try bench.context("out") {
                        $0.offload = bench.work.path
                        change(&$0)
                    }))
        }
        let tyr = try plan {
            $0.method = "tyr"
            $0.effort = .quick
        }
        #expect(tyr.assumptions.contains { $0.hasPrefix("the search needs one block at a time") })
        let paper = try plan {
            $0.preset = .paper
            $0.roundSamples = 4
        }
        #expect(
            paper.assumptions.contains { $0.contains("which the preset paper trains to, stay in memory as float32") })
        let wanda = try plan { $0.method = "wanda" }
        #expect(!wanda.assumptions.contains { $0.contains("regardless of --") })
        let search = try plan {
            $0.method = "wanda"
            $0.allocation = .search
        }
        #expect(search.assumptions.contains { $0.contains("as bfloat16, regardless of --stream-dtype") })
        // 16 samples of 12 tokens, 16 wide, float32; the search sees some of them in front of all blocks.
        #expect(wanda.offloadBytes == 16 * 12 * 16 * 4)
        let searched = SearchSplit.searched(of: 16).count
        #expect(search.offloadBytes == max(wanda.offloadBytes, searched * 12 * 16 * (2 * 2 + 4 + 4)))
    }
}
