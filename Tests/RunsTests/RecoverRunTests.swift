import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Publishing
import Recipes
import Settings
import RunSupport
import TestSupport
import Testing
import Torch

@testable import Runs

@Suite("Recovery runs")
struct RecoverRunTests {
    private let bench: Bench

    init() throws {
        bench = try Bench(tokens: Bench.rows(40, 12)) { $0.layers = 2 }
        try bench.prune("pruned") {
            $0.method = "wanda"
            $0.pattern = try? PatternChoice(parsing: "2:4")
        }
    }

    private func settings(
        _ output: String, model: String? = nil, _ change: (inout RecoverRecipe) -> Void = { _ in }
    ) throws -> RecoverSettings {
        var recipe = RecoverRecipe()
        recipe.model = model ?? bench.path("pruned")
        recipe.teacher = bench.model.path
        recipe.output = bench.path(output)
        recipe.calibration = [bench.tokenFile]
        recipe.samples = 40
        recipe.heldOut = 8
        recipe.steps = 12
        recipe.batch = 4
        recipe.checkEvery = 4
        recipe.learningRate = 3e-3
        recipe.device = .cpu
        recipe.dtype = .float32
        recipe.threads = 1
        change(&recipe)
        return try recipe.resolved()
    }

    private func context(_ settings: RecoverSettings) throws -> RecoverContext {
        try RecoveryBench.context(settings)
    }

    @discardableResult
    private func recover(
        _ output: String, model: String? = nil, _ change: (inout RecoverRecipe) -> Void = { _ in },
        events: @escaping EventHandler = { _ in }
    ) throws -> RecoverResult {
        try RecoverRun(try context(try settings(output, model: model, change)), events: events).start()
    }

    private func zeros(_ folder: String) throws -> [String: [Bool]] {
        let decoder = try Decoder(try Checkpoint.open(bench.path(folder)))
        var zeros: [String: [Bool]] = [:]
        for layer in 0..<decoder.configuration.layerCount {
            let block = try decoder.block(layer)
            for linear in block.linears {
                zeros[linear.weightName(layer: layer)] = block.weight(linear).floats().map { $0 == 0 }
            }
        }
        return zeros
    }

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
    private func copies(_ change: @escaping (inout RecoverRecipe) -> Void) throws -> [String] {
        var names: [String] = []
        try recover("out", change) { event in
            guard case .progress = event else { return }
            names.append("copy-\(names.count)")
            try? bench.copy("out.partial", to: names[names.count - 1])
        }
        return names
    }

    @Test("an abort at every step ends in the same bytes as none", arguments: [TrainedPart.all, .lora])
    func everyStep(trained: TrainedPart) throws {
        let copies = try copies {
            $0.trained = trained
            // A rate at which the last state is not the best.
            $0.learningRate = 0.05
            $0.decay = .constant
        }
        #expect(copies.count == 12)
        let whole = try bench.files("out")
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            let settings = try RecoverRun.interrupted(output: bench.path("out"))
            _ = try RecoverRun(try context(settings)).resume()
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
            #expect(!bench.exists("out.partial"))
        }
    }

    @Test("a learning rate that is not named is a share of the weights that are there", arguments: TrainedPart.allCases)
    func defaultRate(trained: TrainedPart) throws {
        let context = try context(
            try settings("out") {
                $0.learningRate = nil
                $0.trained = trained
            })
        var (sum, count) = (0.0, 0)
        let decoder = try Decoder(try Checkpoint.open(bench.path("pruned")))
        for layer in 0..<decoder.configuration.layerCount {
            let block = try decoder.block(layer)
            for linear in block.linears {
                for value in block.weight(linear).floats() where value != 0 {
                    sum += Double(abs(value))
                    count += 1
                }
            }
        }
        let share: Double? = [.all: 0.0017, .lora: 0.0056][trained]
        let expected = share.map { $0 * sum / Double(count) } ?? 0.003
        #expect(abs(context.learningRate / expected - 1) < 0.05)
        // Two digits, which the published recipe says.
        #expect(context.settings.publishedRecipe.contains("learning_rate: \(context.learningRate)"))
        #expect("\(context.learningRate)".filter { ("1"..."9").contains($0) }.count <= 4)
        #expect(try RecoverRecipe(yaml: context.settings.publishedRecipe).learningRate == context.learningRate)
    }

    @Test("a model without weights gets a rate, too")
    func rateOfNothing() throws {
        let bench = try Bench(tokens: Bench.rows(40, 12)) {
            $0.edit = { name, values in
                if name.contains("proj") { for index in values.indices { values[index] = 0 } }
            }
        }
        let rate = try DefaultLearningRate.of(try Decoder(try Checkpoint.open(bench.model.path)), .all)
        #expect(rate == 3e-4)
    }

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

    @Test("a state that was changed is not gone on from")
    func damaged() throws {
        let copies = try copies { $0.steps = 6 }
        bench.remove("out")
        try bench.copy(copies[5], to: "out.partial")
        let name = try #require(try bench.files("out.partial").keys.first { $0.hasPrefix("state-4-1") })
        let path = bench.path("out.partial/" + name)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let settings = try RecoverRun.interrupted(output: bench.path("out"))
        let found = fault { _ = try RecoverRun(try context(settings)).resume() }
        #expect(found?.kind == .badData && found?.file == path)
    }

    @Test("other text, another teacher or other threads do not go on")
    func changed() throws {
        let copies = try copies { $0.steps = 6 }
        bench.remove("out")
        try bench.copy(copies[5], to: "out.partial")
        try bench.writeTokens(Bench.rows(40, 12, seed: 6))
        let settings = try RecoverRun.interrupted(output: bench.path("out"))
        let found = fault { _ = try RecoverRun(try context(settings)).resume() }
        #expect(found?.kind == .usage && found?.summary.contains("the text's tokens") == true)
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
    private func writeAnswers(_ letters: Int) throws -> String {
        let words = ["abcdefghij", "bdfhjacegi", "jihgfedcba"]
        let records = (0..<60).map { index in
            let word = words[index % 3]
            return "{\"prompt\":\"\(word.dropLast(letters))\",\"completion\":\"\(word.suffix(letters))\"}\n"
        }
        let path = bench.path("answers.jsonl")
        try Data(records.joined().utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("a loss on the assistant's turns counts these, and says so")
    func turns() throws {
        let answers = try writeAnswers(3)
        func change(_ recipe: inout RecoverRecipe) {
            recipe.calibration = [answers]
            recipe.sequenceLength = 10
            recipe.turns = .assistant
        }
        let result = try recover("out", change)
        // Three letters of ten: no row begins with one of them.
        #expect(result.countedPositions == 12 * 4 * 3 && result.tokens == 12 * 4 * 10)
        #expect(result.after < result.before)
        let record = String(decoding: try #require(try bench.files("out")["recovery.json"]), as: UTF8.self)
        #expect(record.contains(#""turns": "assistant""#) && record.contains(#""counted_positions": 144"#))
        let recipe = String(decoding: try #require(try bench.files("out")["recovery.yaml"]), as: UTF8.self)
        #expect(recipe.contains("turns: assistant"))
        let card = String(decoding: try #require(try bench.files("out")["README.md"]), as: UTF8.self)
        #expect(card.contains("the loss kl on the assistant's turns of conversations: 12 steps"))
        let all = try recover("all") {
            change(&$0)
            $0.turns = nil
        }
        #expect(all.countedPositions == 12 * 4 * 9 && all.curve != result.curve)
        #expect(try RecoverPlan(try context(try settings("plan", change))).countedShare == 0.3)
    }

    @Test("a run on the assistant's turns continues as itself alone")
    func turnsResumed() throws {
        let answers = try writeAnswers(3)
        let copies = try copies {
            $0.calibration = [answers]
            $0.sequenceLength = 10
            $0.turns = .assistant
            $0.steps = 6
        }
        let whole = try bench.files("out")
        bench.remove("out")
        try bench.copy(copies[5], to: "out.partial")
        let settings = try RecoverRun.interrupted(output: bench.path("out"))
        #expect(settings.turns == .assistant)
        // The same tokens, of which others count.
        _ = try writeAnswers(4)
        let found = fault { _ = try RecoverRun(try context(settings)).resume() }
        #expect(found?.kind == .usage && found?.summary.contains("the text's tokens") == true)
        _ = try writeAnswers(3)
        _ = try RecoverRun(try context(settings)).resume()
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }

    @Test("text that was read without its turns is not trained on by them")
    func turnsUnread() throws {
        let context = try context(try settings("out"))
        var settings = try settings("out")
        settings.turns = .assistant
        let set = try #require(context.run.calibration)
        let found = fault {
            _ = try RecoverContext(
                settings, student: context.decoder, teacher: context.teacher, compute: .float32, calibration: set)
        }
        #expect(found?.kind == .usage)
    }

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

    @Test("a run of some time ends with its schedule, not in the middle of it")
    func minutes() throws {
        let clock = ContinuousClock.now
        let result = try recover("out") {
            $0.steps = nil
            $0.minutes = 0.02
            $0.checkEvery = 20
        }
        #expect(clock.duration(to: .now) < .seconds(30))
        #expect(result.steps > 20 && result.trainingSeconds < 2.4)
        // What was planned last was done, up to what a check takes.
        #expect(Double(result.steps) > 0.7 * Double(result.stepsPlanned))
        _ = try FolderVerification(bench.path("out"))
    }

    @Test("adapters that were written before a crash are published after it")
    func adaptersResumed() throws {
        func change(_ recipe: inout RecoverRecipe) {
            recipe.trained = .lora
            recipe.merge = AdapterMerge.none
            recipe.loss = .lm
            recipe.teacher = nil
            recipe.steps = 4
            recipe.checkEvery = 2
        }
        try recover("out", model: bench.model.path, change) { event in
            if case .note("writing the adapters") = event { try? bench.copy("out.partial", to: "copy") }
        }
        let whole = try bench.files("out")
        #expect(!(try bench.files("copy").keys.contains { $0.hasPrefix("state-") }))
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        _ = try RecoverRun(try context(try RecoverRun.interrupted(output: bench.path("out")))).resume()
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }
}
