import Checkpoints
import Decoders
import Faults
import Foundation
import Publishing
import Recipes
import RunSupport
import Settings
import TestSupport
import Testing
import Torch

@testable import Runs

@Suite("Recovery runs")
struct RecoverRunTests: RecoverySuite {
    let bench: Bench

    init() throws { bench = try RecoveryBench.bench() }

    @Test("the loss falls, zeros stay, and the folder says what was done", arguments: [TrainedPart.all, .norms, .lora])
    func publishes(trained: TrainedPart) throws {
        let result = try recover("out") {
            $0.trained = trained
            $0.learningRate = 1e-2
        }
        #expect(result.after < result.before && result.bestStep > 0)
        #expect(result.heldOut.map(\.step) == [0, 4, 8, 12] && result.curve.count == 12)
        #expect(result.tokens == 12 * 4 * 12)
        #expect(try zeros("out") == zeros("pruned"))
        let names = Set(try bench.files("out").keys)
        #expect(names.isSuperset(of: ["recovery.json", "recovery.yaml", "report.json", "recipe.yaml", "README.md"]))
        #expect(try bench.files("out")["report.json"] == bench.files("pruned")["report.json"])
        _ = try FolderVerification(bench.path("out"))
        // The recipes lead to the same inputs from where they stand now.
        let recipe = try RecoverRecipe(contentsOf: bench.path("out") + "/recovery.yaml").resolved()
        #expect(FileManager.default.fileExists(atPath: recipe.model + "/config.json"))
        let pruning = try PruneRecipe(contentsOf: bench.path("out") + "/recipe.yaml")
        #expect(FileManager.default.fileExists(atPath: try #require(pruning.model) + "/config.json"))
        let card = String(decoding: try #require(try bench.files("out")["README.md"]), as: UTF8.self)
        #expect(card.contains("## Recovery") && card.contains("12 steps, 576 tokens"))
    }

    @Test("only blocks change")
    func rest() throws {
        try recover("out")
        let (before, after) = (try Checkpoint.open(bench.path("pruned")), try Checkpoint.open(bench.path("out")))
        #expect(before.tensors.map(\.name).sorted() == after.tensors.map(\.name).sorted())
        for tensor in before.tensors where !tensor.name.hasPrefix("model.layers.") {
            #expect(try before.storedBytes(tensor.name) == after.storedBytes(tensor.name))
        }
    }

    /// Copies of the staging folder at every step.

    @Test("without a step that helps, the model is written as it came")
    func nothingHelps() throws {
        var warnings: [String] = []
        let settings = try settings("out") {
            $0.learningRate = 5
            $0.decay = .constant
            $0.clip = 0
            $0.steps = 4
            $0.checkEvery = 1
        }
        let result = try RecoverRun(try context(settings)) { event in
            if case .warning(let text) = event { warnings.append(text) }
        }.start()
        // Once, when there is still time to begin again.
        #expect(warnings.count { $0.contains("learning rate 5.0 is probably too high") } == 1)
        #expect(result.bestStep == 0 && result.after == result.before)
        let (before, after) = (try Checkpoint.open(bench.path("pruned")), try Checkpoint.open(bench.path("out")))
        for tensor in before.tensors {
            #expect(try before.storedBytes(tensor.name) == after.storedBytes(tensor.name))
        }
    }

    @Test("float16 keeps what is not zero from becoming zero")
    func float16() throws {
        let tiny = Tensor([0, 1e-9, -1e-9, 0x1p-24, 1, -0x1p-20])
        let kept = BlockFiles.keepingSmall(tiny).to(.float16).floats()
        #expect(kept == [0, 0x1p-24, -0x1p-24, 0x1p-24, 1, -0x1p-20])
    }

    @Test("training ends where the held-out loss falls no more, and a run that is continued there ends as well")
    func patience() throws {
        var told: [String] = []
        func change(_ recipe: inout RecoverRecipe) {
            // The teacher is the model itself: nothing is better than the start.
            recipe.learningRate = 1
            recipe.decay = .constant
            recipe.checkEvery = 2
            recipe.patience = 2
        }
        let result = try recover("out", model: bench.model.path, change) { event in
            guard case .note(let text) = event else { return }
            told.append(text)
            if text.hasPrefix("step 4/12") { try? bench.copy("out.partial", to: "copy") }
        }
        #expect(result.bestStep == 0 && result.steps == 4 && result.stepsPlanned == 12)
        #expect(result.heldOut.map(\.step) == [0, 2, 4])
        #expect(told.contains("no lower held-out loss in 2 checks: training ends after step 4"))
        let whole = try bench.files("out")
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        _ = try RecoverRun(try context(try RecoverRun.interrupted(output: bench.path("out")))).resume()
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }

    @Test("a run of some time ends with its schedule, not in the middle of it")
    func minutes() throws {
        let clock = ContinuousClock.now
        let result = try recover("out") {
            $0.steps = nil
            $0.minutes = 0.02
            $0.checkEvery = 20
            // So few sequences are soon known by heart.
            $0.patience = 1000
        }
        #expect(clock.duration(to: .now) < .seconds(30))
        #expect(result.steps > 20 && result.trainingSeconds < 2.4)
        // What was planned last was done, up to what a check takes.
        #expect(Double(result.steps) > 0.7 * Double(result.stepsPlanned))
        _ = try FolderVerification(bench.path("out"))
    }

    @Test("adapters that did not help are written as they began, and with zeros to keep there are none alone")
    func adaptersAlone() throws {
        let result = try recover("out", model: bench.model.path) {
            // The teacher is the model itself: nothing is better than the start.
            $0.trained = .lora
            $0.merge = AdapterMerge.none
            $0.learningRate = 5
            $0.decay = .constant
            $0.clip = 0
            $0.steps = 4
            $0.checkEvery = 1
        }
        #expect(result.bestStep == 0)
        let file = try SafetensorsFile(bench.path("out/adapter_model.safetensors"))
        #expect(file.tensors.count == 2 * 7 * 2)
        for tensor in file.tensors {
            let values = Tensor.empty(tensor.shape)
            try values.withMutableBytes { bytes in try file.read(tensor.name, into: bytes) }
            #expect((values.norm().scalar == 0) == tensor.name.hasSuffix("lora_B.weight"))
        }
        let card = String(decoding: try #require(try bench.files("out")["README.md"]), as: UTF8.self)
        #expect(card.contains("Open them with PEFT") && card.contains("adapters of low rank"))
        let names = Set(try bench.files("out").keys)
        #expect(names.contains("adapter_config.json") && !names.contains("model.safetensors"))
        for merge in [AdapterMerge.none, .plain] {
            let found = fault {
                _ = try recover("other") {
                    $0.trained = .lora
                    $0.merge = merge
                }
            }
            #expect(found?.kind == .usage && found?.advice == "use --merge masked")
            #expect(!bench.exists("other.partial"))
        }
    }

    @Test("a teacher of another vocabulary is refused")
    func otherVocabulary() throws {
        let other = try TemporaryFolder()
        var tiny = TinyModel()
        tiny.vocabulary = 72
        tiny.hasTokenizer = false
        try tiny.write(to: other)
        let settings = try settings("out") { $0.teacher = other.path }
        let found = fault { _ = try context(settings) }
        #expect(found?.kind == .badData && found?.expected?.contains("72 tokens") == true)
    }

    @Test("settings that contradict each other are refused")
    func refusals() throws {
        func refused(_ change: (inout RecoverRecipe) -> Void) -> Fault? { fault { _ = try settings("out", change) } }
        #expect(
            refused {
                $0.teacher = nil; $0.loss = .kl
            }?.place == "--loss")
        #expect(refused { $0.loss = .lm }?.place == "--teacher")
        #expect(refused { $0.minutes = 3 }?.place == "--minutes")
        #expect(refused { $0.rank = 4 }?.place == "--rank")
        #expect(
            refused {
                $0.trained = .lora
                $0.targets = ["lm_head"]
            }?.place == "--targets")
        #expect(
            refused {
                $0.offload = "/tmp"
                $0.checkpointing = Checkpointing.none
            }?.place == "--checkpointing")
        #expect(refused { $0.heldOut = 40 }?.place == "--held-out")
        #expect(refused { $0.calibration = [] }?.place == "--calibration")
        #expect(refused { $0.learningRate = 0 }?.place == "--learning-rate")
        #expect(refused { $0.temperature = 1 }?.place == "--temperature")
        #expect(throws: Never.self) { try settings("out") { $0.loss = .both } }
    }

    @Test("held out are sequences that the regional optimizer keeps out, from all over the text")
    func heldOut() throws {
        func found(_ asked: Int?, _ samples: Int) throws -> [Int] {
            let context = try context(
                try settings("out") {
                    $0.heldOut = asked
                    $0.samples = samples
                })
            #expect(Set(context.training).isDisjoint(with: context.heldOut))
            #expect(context.training.count + context.heldOut.count == samples)
            return context.heldOut
        }
        #expect(try found(nil, 40) == [15, 39])
        #expect(try found(5, 40) == [7, 15, 23, 31, 39])
        #expect(try found(1, 40) == [39])
        // More than it keeps out: the last.
        #expect(try found(6, 40) == Array(34..<40))
        #expect(try found(2, 6) == [4, 5])
        #expect(try found(1, 6) == [5])
    }

    @Test("a recipe is read as it was written")
    func recipe() throws {
        let settings = try settings("out") {
            $0.trained = .lora
            $0.evaluation = ["a.txt"]
            $0.memory = try? ByteSize(bytes: 8_000_000_000)
        }
        #expect(try RecoverRecipe(yaml: settings.recipe().yaml()).resolved() == settings)
        let unknown = fault { _ = try RecoverRecipe(yaml: "version: 1\nlose: kl\n") }
        #expect(unknown?.kind == .badRecipe && unknown?.advice == "did you mean loss?")
    }

    /// Prompts and answers of 10 letters together, of which so many are the answer's.

    @Test("a plan says what the run then has, and writes nothing")
    func plan() throws {
        let plan = try RecoverPlan(try context(try settings("out")))
        #expect(plan.steps == 12 && plan.tokens == 576 && plan.trainingSamples == 32 && plan.heldOutSamples == 8)
        #expect(plan.secondsPerStep > 0 && plan.seconds > 12 * plan.secondsPerStep && plan.diskBytes > 0)
        #expect(!bench.exists("out") && !bench.exists("out.partial"))
    }

    @Test("the disk of a plan holds what a run has on it", arguments: [TrainedPart.all, .norms, .lora])
    func disk(trained: TrainedPart) throws {
        func change(_ recipe: inout RecoverRecipe) {
            recipe.trained = trained
            recipe.checkEvery = 1
            recipe.steps = 4
        }
        let context = try context(try settings("out", change))
        let plan = try RecoverPlan(context)
        let output = context.run.files.stagingBytes(shardSize: context.settings.shardSize.bytes)
        // Masters and two moments, float32, of three states.
        #expect(plan.diskBytes - output == 36 * plan.trainedParameters)
        var (states, all) = (0, 0)
        _ = try RecoverRun(context) { _ in
            let files = (try? bench.files("out.partial")) ?? [:]
            states = max(states, files.filter { $0.key.hasPrefix("state-") }.reduce(0) { $0 + $1.value.count })
            all = max(all, files.reduce(0) { $0 + $1.value.count })
        }.start()
        #expect(states >= 12 * plan.trainedParameters)
        // Headers of files are not counted.
        #expect(all <= plan.diskBytes + 64 << 10)
    }
}
