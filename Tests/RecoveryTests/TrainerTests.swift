import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Recipes
import Testing
import Torch

@testable import Recovery

/// Steps of recovery against plain PyTorch (`Interop/make_recovery_fixtures.py`), and against themselves.
@Suite("Training a student", .serialized)
struct TrainerTests {
    private let folder: String

    init() throws {
        Engine.setThreads(1)
        folder = try #require(Bundle.module.resourcePath) + "/Fixtures"
    }

    private func decoder(_ name: String) throws -> Decoder { try Decoder(try Checkpoint.open(folder + "/" + name)) }

    private func tensor(_ file: String, _ name: String) throws -> Tensor {
        let file = try SafetensorsFile(folder + "/" + file)
        let description = try #require(file.tensor(name))
        let values = Tensor.empty(description.shape, description.type == .i32 ? .int32 : .float32)
        try values.withMutableBytes { bytes in try file.read(name, into: bytes) }
        return values
    }

    /// - Parameter isCounted: whether only the tokens of counted.safetensors count.
    private func batches(isCounted: Bool = false) throws -> [[TrainingSample]] {
        let tokens = try tensor("tokens.safetensors", "tokens")
        let ids = tokens.int64s().map { Int32($0) }
        let counted = try isCounted ? tensor("counted.safetensors", "counted").int64s().map { $0 == 1 } : nil
        let length = tokens.size(1)
        let rows = stride(from: 0, to: ids.count, by: length).map { start in
            TrainingSample(
                Array(ids[start..<start + length]), counted: counted.map { Array($0[start..<start + length]) })
        }
        return stride(from: 0, to: rows.count, by: 4).map { Array(rows[$0..<$0 + 4]) }
    }

    private func trainer(
        _ student: String, loss: RecoveryLoss, trained: TrainedPart = .all, pass: Int = 4, repeated: Int = 0,
        dtype: DType = .float32, offload: String? = nil
    ) throws -> Trainer {
        var options = Trainer.Options(loss: loss, trained: trained, passSamples: pass, repeatedBlocks: repeated)
        options.optimizer.decay = 0.01
        options.lowRank.rank = 3
        options.lowRank.alpha = 6
        return try Trainer(
            try decoder(student), teacher: Passage(try decoder("teacher"), compute: dtype), compute: dtype,
            options: options, offload: offload)
    }

    private let rate = LearningRate(highest: 1e-2, warmup: 0.1)

    @discardableResult
    private func train(
        _ trainer: Trainer, steps: Range<Int> = 0..<20, isCounted: Bool = false
    ) throws -> [Trainer.Step] {
        let batches = try batches(isCounted: isCounted)
        return try steps.map { index in
            try trainer.step(batches[index], rate: rate.rate(step: index + 1, of: 20), step: index + 1)
        }
    }

    private struct Expected {
        var losses: [Double]
        var norms: [Double]
    }

    private func expected(_ arm: String) throws -> Expected {
        let json = try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder + "/expected.json"))))
        let object = json.objectValue?["arms"]?.objectValue?[arm]?.objectValue
        func numbers(_ key: String) -> [Double] { (object?[key]?.arrayValue ?? []).compactMap(\.doubleValue) }
        return Expected(losses: numbers("losses"), norms: numbers("norms"))
    }

    private func compare(_ steps: [Trainer.Step], _ arm: String, _ weights: RecoveryLoss, within: Double) throws {
        let expected = try expected(arm)
        #expect(expected.losses.count == 20)
        for (step, (loss, norm)) in zip(steps, zip(expected.losses, expected.norms)) {
            #expect(abs(weights.value(step.loss) - loss) < within)
            #expect(abs(step.gradientNorm / norm - 1) < within * 20)
        }
    }

    @Test(
        "losses and norms of 20 steps are PyTorch's",
        arguments: [
            ("all-kl", "student", 1.0, 0.0), ("all-lm", "teacher", 0, 1), ("all-both", "student", 1, 1),
        ])
    func fullWeights(arm: String, student: String, kl: Double, lm: Double) throws {
        let weights = RecoveryLoss(kl: kl, lm: lm)
        let trainer = try trainer(student, loss: weights)
        try compare(try train(trainer), arm, weights, within: 1e-4)
    }

    @Test(
        "losses that count some tokens are PyTorch's with the others' labels at -100",
        arguments: [
            ("counted-kl", "student", 1.0, 0.0), ("counted-lm", "teacher", 0, 1), ("counted-both", "student", 1, 1),
        ], [4, 3])
    func counted(arm: (name: String, student: String, kl: Double, lm: Double), pass: Int) throws {
        let weights = RecoveryLoss(kl: arm.kl, lm: arm.lm)
        let steps = try train(try trainer(arm.student, loss: weights, pass: pass), isCounted: true)
        try compare(steps, arm.name, weights, within: 1e-4)
        let counted = try tensor("counted.safetensors", "counted").int64s()
        #expect(
            steps[3].positions == (12..<16).reduce(0) { $0 + Int(counted[$1 * 16 + 1..<$1 * 16 + 16].reduce(0, +)) })
    }

    @Test("where no position counts, a step changes nothing and a mean is refused")
    func nothingCounts() throws {
        let trainer = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1))
        try train(trainer, steps: 0..<2)
        let before = try bits(trainer)
        // The first token is predicted from nothing.
        let batch = try batches()[2].map {
            TrainingSample($0.tokens, counted: [true] + [Bool](repeating: false, count: 15))
        }
        let step = try trainer.step(batch, rate: 1e-2, step: 3)
        #expect(step == Trainer.Step(loss: RecoveryLoss(kl: 0, lm: 0), gradientNorm: 0, positions: 0))
        #expect(try bits(trainer) == before)
        #expect {
            try trainer.loss(of: batch)
        } throws: {
            ($0 as? Fault)?.kind == .badData
        }
    }

    @Test("the loss of held-out samples is the mean over the positions that count")
    func heldOut() throws {
        let trainer = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1), pass: 2)
        let samples = try batches(isCounted: true)[0]
        let found = try trainer.loss(of: samples)
        let step = try trainer.step(samples, rate: 1e-2, step: 1)
        #expect(abs(found.kl - step.loss.kl) < 1e-6 && abs(found.lm - step.loss.lm) < 1e-6)
        let one = try trainer.loss(of: [samples[1], samples[2]])
        #expect(samples[1].counted?.contains(true) == false)
        #expect(try one == trainer.loss(of: [samples[2]]))
    }

    @Test(
        "adapters train as PyTorch's do",
        arguments: [
            ("lora-kl", "teacher", 1.0, 1.0), ("lora-masked", "student", 1, 0),
        ])
    func adapters(arm: String, student: String, kl: Double, lm: Double) throws {
        let weights = RecoveryLoss(kl: kl, lm: lm)
        let trainer = try trainer(student, loss: weights, trained: .lora)
        let names = ["qkv": ["q", "k", "v"], "gateUp": ["gate", "up"], "o": ["o"], "down": ["down"]]
        for layer in 0..<2 {
            try trainer.restore(layer: layer) { (name, shape) throws(Fault) in
                let zeros = Tensor.zeros(shape)
                let parts = name.split(separator: ".")
                guard name.hasSuffix("lora_A"), let linears = names[String(parts[0])] else { return zeros }
                do {
                    return Tensor.concatenated(
                        try linears.map { try tensor("adapters.safetensors", "\(arm).\(layer).\($0)_proj") })
                } catch { throw Fault(.badData, "the fixture lacks \(name)") }
            }
        }
        try compare(try train(trainer), arm, weights, within: 1e-4)
    }

    @Test("bfloat16 products stay near PyTorch's float32")
    func bfloat16() throws {
        let weights = RecoveryLoss(kl: 1, lm: 0)
        let steps = try train(try trainer("student", loss: weights, dtype: .bfloat16))
        for (step, loss) in zip(steps, try expected("all-kl").losses) {
            #expect(abs(step.loss.kl - loss) < 1e-2)
        }
    }

    /// All that is trained, as bits.
    private func bits(_ trainer: Trainer) throws -> [UInt8] {
        try (0..<trainer.layerCount).flatMap { try trainer.state(of: $0).flatMap { $0.values.bytes() } }
    }

    @Test(
        "blocks on the disk give the same bits", arguments: [DType.float32, .bfloat16], [4, 3])
    func offloaded(dtype: DType, pass: Int) throws {
        let place = FileManager.default.temporaryDirectory.path
        let kept = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1), pass: pass, dtype: dtype)
        let stored = try trainer(
            "student", loss: RecoveryLoss(kl: 1, lm: 1), pass: pass, repeated: 2, dtype: dtype, offload: place)
        #expect(stored.trainedCount == kept.trainedCount)
        #expect(try train(kept, steps: 0..<3) == train(stored, steps: 0..<3))
        #expect(try bits(kept) == bits(stored))
        for layer in 0..<2 {
            let (a, b) = (try kept.trainedTensors(of: layer), try stored.trainedTensors(of: layer))
            #expect(a.mapValues { $0.bytes() } == b.mapValues { $0.bytes() })
        }
    }

    @Test("blocks that are passed again give the same bits", arguments: [1, 2])
    func repeatedBlocks(count: Int) throws {
        let kept = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1))
        let again = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1), repeated: count)
        try train(kept, steps: 0..<3)
        try train(again, steps: 0..<3)
        #expect(try bits(kept) == bits(again))
    }

    @Test("a step in several passes is a step in one", arguments: [DType.float32, .bfloat16])
    func accumulation(dtype: DType) throws {
        let whole = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1), dtype: dtype)
        let parts = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1), pass: 1, dtype: dtype)
        let (a, b) = (try train(whole, steps: 0..<4), try train(parts, steps: 0..<4))
        for (a, b) in zip(a, b) {
            #expect(abs(a.loss.kl - b.loss.kl) < (dtype == .float32 ? 1e-5 : 5e-3))
            #expect(abs(a.gradientNorm / b.gradientNorm - 1) < (dtype == .float32 ? 1e-4 : 5e-2))
        }
    }

    private func zeros(_ tensors: [String: Tensor]) -> [String: [Bool]] {
        tensors.filter { $0.key.contains("_proj.weight") }.mapValues { $0.floats().map { $0 == 0 } }
    }

    @Test("what was pruned stays zero", arguments: [TrainedPart.all, .lora])
    func masks(trained: TrainedPart) throws {
        let trainer = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 0), trained: trained)
        let before = try (0..<2).map { zeros(try trainer.trainedTensors(of: $0)) }
        let values = try trainer.trainedTensors(of: 0)["model.layers.0.mlp.up_proj.weight"]?.floats()
        try train(trainer)
        #expect(
            try (0..<2).map { zeros(try trainer.trainedTensors(of: $0)) } == before)
        #expect(before[0].count == 7 && before[0].values.allSatisfy { $0.count { $0 } == $0.count / 2 })
        #expect(try trainer.trainedTensors(of: 0)["model.layers.0.mlp.up_proj.weight"]?.floats() != values)
    }

    @Test("norms alone leave every weight as it is")
    func norms() throws {
        let trainer = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 0), trained: .norms)
        let steps = try train(trainer)
        let names = Set(try trainer.trainedTensors(of: 1).keys.map { $0.replacing("model.layers.1.", with: "") })
        let biases = ["q", "k", "v", "o"].map { "self_attn.\($0)_proj.bias" }
        #expect(names == Set(biases + ["input_layernorm.weight", "post_attention_layernorm.weight"]))
        #expect(steps[19].loss.kl < steps[0].loss.kl)
    }

    @Test(
        "a rehearsal of a step, and a look at other samples, leave everything as it was",
        arguments: [TrainedPart.all, .norms, .lora], [DType.float32, .bfloat16])
    func rehearsal(trained: TrainedPart, dtype: DType) throws {
        func made() throws -> Trainer {
            try trainer("student", loss: RecoveryLoss(kl: 1, lm: 1), trained: trained, pass: 3, dtype: dtype)
        }
        let (plain, rehearsed) = (try made(), try made())
        let samples = try batches()[7]
        #expect(try rehearsed.rehearse(samples) > 0)
        #expect(try bits(plain) == bits(rehearsed))
        try train(plain, steps: 0..<3)
        try train(rehearsed, steps: 0..<2)
        let (before, loss) = (try bits(rehearsed), try rehearsed.loss(of: samples))
        try rehearsed.rehearse(samples)
        #expect(try bits(rehearsed) == before && rehearsed.loss(of: samples) == loss)
        try train(rehearsed, steps: 2..<3)
        #expect(try bits(plain) == bits(rehearsed))
    }

    @Test("a rehearsal leaves what is on the disk as it was")
    func storedRehearsal() throws {
        let trainer = try trainer(
            "student", loss: RecoveryLoss(kl: 1, lm: 1), repeated: 2,
            offload: FileManager.default.temporaryDirectory.path)
        try train(trainer, steps: 0..<2)
        let before = try bits(trainer)
        #expect(try trainer.rehearse(batches()[7]) > 0)
        #expect(try bits(trainer) == before)
    }

    @Test("a loss that is no number changes nothing")
    func notANumber() throws {
        let trainer = try trainer("student", loss: RecoveryLoss(kl: 1, lm: 0))
        try trainer.restore(layer: 0, onlyMasters: true) { (name, shape) throws(Fault) in
            Tensor.full(shape, name == "down.weight" ? .nan : 0.01)
        }
        let before = try bits(trainer)
        let batch = try batches()[0]
        #expect {
            try trainer.step(batch, rate: 1e-2, step: 1)
        } throws: {
            ($0 as? Fault)?.kind == .badData && ($0 as? Fault)?.place == "step 1"
        }
        #expect(try bits(trainer) == before)
    }

    @Test("the order of training follows from the step alone, and no sample is left out")
    func order() {
        let order = TrainingOrder(samples: Array(10..<17), batch: 3, seed: 4)
        let all = (1...7).flatMap { order.batch(step: $0) }
        #expect(Set(all.prefix(7)) == Set(10..<17) && Set(all[7..<14]) == Set(10..<17))
        #expect(Array(all[0..<7]) != Array(all[7..<14]))
        #expect(order.batch(step: 5) == Array(all[12..<15]))
    }

    @Test("the learning rate rises, and falls to nothing")
    func schedule() {
        let rate = LearningRate(highest: 2, warmup: 0.2, decay: .linear)
        #expect(rate.rate(step: 1, of: 10) == 1 && rate.rate(step: 2, of: 10) == 2)
        #expect(rate.rate(step: 6, of: 10) == 1 && rate.rate(step: 10, of: 10) == 0)
        #expect(LearningRate(highest: 2, warmup: 0, decay: .cosine).rate(step: 1, of: 1) == 2)
    }
}
