import Checkpoints
import Faults
import Foundation
import JSONText
import Recipes
import RunSupport
import TestSupport
import Testing
import Torch

@testable import Runs

/// Recoveries that begin with adapters in PEFT's layout (`Interop/make_recovery_fixtures.py --peft`).
@Suite("Recovery from given adapters")
struct GivenAdaptersTests {
    private let work: TemporaryFolder
    private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../RecoveryTests/Fixtures").standardizedFileURL.path

    init() throws {
        Engine.setThreads(1)
        work = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: fixtures + "/peft", toPath: work.path + "/peft")
    }

    private func settings(
        _ output: String, _ change: (inout RecoverRecipe) -> Void = { _ in }
    ) throws -> RecoverSettings {
        var recipe = RecoverRecipe()
        recipe.model = fixtures + "/teacher"
        recipe.teacher = fixtures + "/teacher"
        recipe.output = work.path + "/" + output
        recipe.calibration = [fixtures + "/tokens.safetensors"]
        recipe.samples = 80
        recipe.heldOut = 16
        recipe.steps = 16
        recipe.batch = 4
        recipe.checkEvery = 16
        recipe.learningRate = 1e-2
        recipe.warmup = 0.1
        recipe.weightDecay = 0.01
        recipe.shuffles = false
        recipe.device = .cpu
        recipe.dtype = .float32
        recipe.threads = 1
        recipe.trained = .lora
        recipe.rank = 3
        recipe.alpha = 6
        recipe.merge = AdapterMerge.none
        recipe.adapters = work.path + "/peft"
        change(&recipe)
        return try recipe.resolved()
    }

    @discardableResult
    private func recover(
        _ output: String, _ change: (inout RecoverRecipe) -> Void = { _ in }, events: @escaping EventHandler = { _ in }
    ) throws -> RecoverResult {
        try RecoverRun(try RecoveryBench.context(try settings(output, change)), events: events).start()
    }

    private func fault(_ body: () throws -> Void) -> Fault? { #expect(throws: Fault.self) { try body() } }

    @Test("the losses of 16 steps are PEFT's")
    func losses() throws {
        let result = try recover("out")
        let json = try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: fixtures + "/peft/losses.json"))))
        let expected = (json.objectValue?["losses"]?.arrayValue ?? []).compactMap(\.doubleValue)
        #expect(expected.count == 16 && result.curve.count == 16)
        for (step, loss) in zip(result.curve, expected) { #expect(abs(step.kl - loss) < 1e-4) }
    }

    @Test("a run goes on from where another ended")
    func goesOn() throws {
        let first = try recover("first")
        let second = try recover("second") { $0.adapters = work.path + "/first" }
        #expect(first.bestStep == 16 && second.before == first.after)
    }

    @Test("when no step helps, what was given is written", arguments: [AdapterMerge.none, .masked])
    func nothingHelps(merge: AdapterMerge) throws {
        let result = try recover("out") {
            $0.merge = merge
            $0.learningRate = 5
            $0.decay = .constant
            $0.clip = 0
            $0.steps = 2
            $0.checkEvery = 1
        }
        #expect(result.bestStep == 0)
        guard merge == .masked else {
            let (given, written) = (
                try SafetensorsFile(work.path + "/peft/adapter_model.safetensors"),
                try SafetensorsFile(work.path + "/out/adapter_model.safetensors")
            )
            for tensor in given.tensors { #expect(try given.bytes(tensor.name) == written.bytes(tensor.name)) }
            return
        }
        // The merged model is as far from the teacher as the model with the adapters was.
        let again = try recover("again") {
            $0.model = work.path + "/out"
            ($0.trained, $0.rank, $0.alpha, $0.merge, $0.adapters) = (.norms, nil, nil, nil, nil)
            $0.steps = 1
        }
        #expect(result.before > 0.1 && abs(again.before / result.before - 1) < 1e-4)
    }

    @Test("a run does not go on with other adapters than it began with")
    func changed() throws {
        try recover("out") {
            $0.checkEvery = 2
        } events: { event in
            guard case .progress(8, _, _) = event else { return }
            try? FileManager.default.copyItem(atPath: work.path + "/out.partial", toPath: work.path + "/copy")
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: work.path + "/out/adapter_model.safetensors"))
        func interrupted() throws -> RecoverRun {
            try FileManager.default.removeItem(atPath: work.path + "/out")
            try FileManager.default.copyItem(atPath: work.path + "/copy", toPath: work.path + "/out.partial")
            return RecoverRun(
                try RecoveryBench.context(try RecoverRun.interrupted(output: work.path + "/out")))
        }
        _ = try interrupted().resume()
        #expect(try Data(contentsOf: URL(fileURLWithPath: work.path + "/out/adapter_model.safetensors")) == whole)
        let path = URL(fileURLWithPath: work.path + "/peft/adapter_model.safetensors")
        var bytes = try Data(contentsOf: path)
        bytes[bytes.count - 3] ^= 1
        try bytes.write(to: path)
        let run = try interrupted()
        let found = fault { _ = try run.resume() }
        #expect(found?.kind == .usage && found?.summary.contains("the adapters") == true)
    }

    @Test(
        "adapters of another kind, rank, target or base are refused",
        arguments: [
            ("\"r\": 3", "\"r\": 4", "give --rank 4"), ("\"lora_alpha\": 6.0", "\"lora_alpha\": 8", "give --alpha 8.0"),
            ("\"up_proj\"", "\"lm_head\"", "--targets"), ("\"up_proj\"", "7", "--targets"),
            ("\"teacher\"", "\"owner/other\"", "the model that they were made for"),
            ("\"LORA\"", "\"IA3\"", "with LoRA"), ("\"use_dora\": false", "\"use_dora\": true", "plain LoRA"),
            ("\"use_rslora\": false", "\"use_rslora\": true", "plain LoRA"),
            ("\"bias\": \"none\"", "\"bias\": \"all\"", "plain LoRA"),
            ("\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 2}", "plain LoRA"),
            ("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "plain LoRA"),
        ])
    func otherConfiguration(from: String, to: String, advice: String) throws {
        let path = work.path + "/peft/adapter_config.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(from))
        try work.write("peft/adapter_config.json", text.replacing(from, with: to))
        let found = fault { try recover("out") }
        #expect(found?.kind == .badData && found?.file == path && found?.advice?.contains(advice) == true)
        #expect(!FileManager.default.fileExists(atPath: work.path + "/out.partial"))
    }

    @Test("a tensor that is missing, too many, of another shape or no number is refused")
    func otherTensors() throws {
        let path = work.path + "/peft/adapter_model.safetensors"
        let file = try SafetensorsFile(path)
        let tensors = try file.tensors.map { (tensor: $0, bytes: try file.bytes($0.name)) }
        func refused(
            _ change: (inout [(tensor: TensorDescription, bytes: [UInt8])]) -> Void
        ) throws -> Fault? {
            var changed = tensors
            change(&changed)
            let writer = try SafetensorsWriter(path, changed.map(\.tensor))
            for tensor in writer.order {
                let bytes = try #require(changed.first { $0.tensor.name == tensor.name }).bytes
                try writer.write(tensor.name, bytes)
            }
            _ = try writer.finish()
            return fault { try recover("out") }
        }
        let first = tensors[0].tensor
        let missing = try refused { $0.removeFirst() }
        #expect(missing?.summary == "the adapters lack a tensor" && missing?.place == "tensor '\(first.name)'")
        let more = try refused {
            $0.append(
                (
                    TensorDescription(
                        name: first.name.replacing("layers.0", with: "layers.9"), shape: first.shape, type: .f32),
                    $0[0].bytes
                ))
        }
        #expect(more?.place?.contains("layers.9") == true && more?.expected == "A and B of 14 linears in 2 layers")
        let shape = try refused {
            $0[0].tensor = TensorDescription(name: first.name, shape: [first.shape[0] * first.shape[1]], type: .f32)
        }
        #expect(shape?.kind == .badData && shape?.found == "f32 of the shape [72]")
        let notANumber = try refused {
            $0[0].bytes[3] = 0x7F; $0[0].bytes[2] = 0xC0
        }
        #expect(notANumber?.summary.contains("NaN") == true)
    }

    @Test("without adapters to train, or without the folder, none are taken")
    func usage() throws {
        let found = fault {
            _ = try settings("out") { ($0.trained, $0.rank, $0.alpha, $0.merge) = (.all, nil, nil, nil) }
        }
        #expect(found?.place == "--adapters")
        let missing = fault { try recover("out") { $0.adapters = work.path + "/nothing" } }
        #expect(missing?.kind == .missingInput)
    }
}
