import Faults
import Foundation
import JSONText
import Testing

@testable import Checkpoints

/// Folders that are something else than a plain model: what they are is told, or they are read with a warning.
struct HuggingFaceCauseTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func open(_ names: [String], configuration: String = "", type: String = "F32") throws -> Checkpoint {
        try folder.write("config.json", "{\"model_type\":\"llama\"\(configuration)}")
        let entries = names.enumerated().map { index, name in
            "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":[1],\"data_offsets\":[\(4 * index),\(4 * index + 4)]}"
        }
        let values = names.indices.map { Float($0 + 1) }
        try folder.write(
            "model.safetensors", safetensors("{" + entries.joined(separator: ",") + "}") + bytes(of: values))
        return try Checkpoint.open(folder.path)
    }

    // MARK: Names

    @Test(arguments: [
        ["_orig_mod.model.norm.weight", "_orig_mod.lm_head.weight"],
        ["module.model.norm.weight", "module.lm_head.weight"],
        ["module._orig_mod.model.norm.weight", "module._orig_mod.lm_head.weight"],
        ["base_model.model.model.norm.weight", "base_model.model.lm_head.weight"],
        ["_fsdp_wrapped_module.model.norm.weight", "_fsdp_wrapped_module.lm_head.weight"],
        ["model.model.norm.weight", "model.lm_head.weight"],
        ["model.norm._checkpoint_wrapped_module.weight", "lm_head.weight"],
    ])
    func namesOfTrainingWrappersAreReadWithAWarning(_ names: [String]) throws {
        let model = try open(names)
        #expect(model.tensors.map(\.name) == ["model.norm.weight", "lm_head.weight"])
        #expect(try model.floats("model.norm.weight") == [1] && model.floats("lm_head.weight") == [2])
        #expect(try model.storedBytes("lm_head.weight") == bytes(of: [2]))
        #expect(model.weightFile(of: "lm_head.weight") == "model.safetensors")
        #expect(model.warnings.count == 1 && model.warnings[0].contains("\(names[0]) is read as model.norm.weight"))
    }

    @Test func namesOfAModelWithoutHeadAreReadWithAWarning() throws {
        let model = try open(["embed_tokens.weight", "layers.0.mlp.up_proj.weight", "norm.weight"])
        #expect(
            model.tensors.map(\.name) == [
                "model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "model.norm.weight",
            ])
        #expect(try model.floats("model.norm.weight") == [3])
        #expect(model.warnings.count == 1 && model.warnings[0].contains("without head"))
    }

    @Test func oneNameWithoutTheLeadingComponentIsReadWithAWarning() throws {
        let model = try open(["model.embed_tokens.weight", "norm.weight"])
        #expect(model.tensors.map(\.name) == ["model.embed_tokens.weight", "model.norm.weight"])
        #expect(model.warnings.count == 1)
    }

    @Test func namesThatWouldMeetStayAsTheyAre() throws {
        let names = ["model.norm.weight", "_orig_mod.model.norm.weight"]
        let model = try open(names)
        #expect(model.tensors.map(\.name) == names && model.warnings.isEmpty)
    }

    @Test func namesThatLackAndThatHaveTheLeadingComponentForOneWeightAreRefused() throws {
        fault(.badData, "two tensors have the name of the same weight", "'norm.weight'", "'model.norm.weight'") {
            try open(["model.norm.weight", "norm.weight"])
        }
    }

    @Test(arguments: [
        ["model.model.norm.weight", "lm_head.weight"], ["model.norm.weight", "model.lm_head.weight"],
    ])
    func leadingComponentBeforeAPartOfTheModelIsReadWithAWarning(_ names: [String]) throws {
        let model = try open(names)
        #expect(model.tensors.map(\.name) == ["model.norm.weight", "lm_head.weight"])
        #expect(model.warnings.count == 1)
    }

    @Test(arguments: [
        ("up_proj.weight_orig model.layers.0.mlp.up_proj.weight_mask", "pruned by a mask", "weight_orig"),
        ("up_proj.parametrizations.weight.original0", "parametrized", "original0"),
        ("up_proj.weight_g model.layers.0.mlp.up_proj.weight_v", "normalized", "weight_g"),
        ("gate_up_proj.weight", "several projections", "gate_up_proj"),
        ("up_proj.gamma", "another name", "up_proj.gamma"),
        ("down_proj.weight layers.0.attention.wq.weight", "names of other software", "attention.wq"),
        ("down_proj.weight transformer.layers.0.mlp.up_proj.weight", "another name", "'transformer.layers.0"),
    ])
    func otherLayoutsOfTheRightWeightsAreNamed(_ names: String, _ summary: String, _ found: String) throws {
        let model = try open("model.layers.0.mlp.\(names)".split(separator: " ").map(String.init))
        let cause = try #require(model.cause(ofUnusable: "model.layers.0.mlp.up_proj.weight"))
        #expect(cause.summary.contains(summary) && cause.found?.contains(found) == true)
    }

    @Test func fewerLayersThanTheConfigurationSaysAreCounted() throws {
        let model = try open(["model.layers.0.mlp.up_proj.weight", "model.layers.1.mlp.up_proj.weight"])
        let cause = try #require(model.cause(ofUnusable: "model.layers.2.mlp.up_proj.weight"))
        #expect(cause.summary.contains("fewer layers") && cause.found == "2 layers")
    }

    @Test func headUnderAnotherNameOrOfAnotherKindIsNamed() throws {
        var model = try open(["model.embed_tokens.weight", "output.weight"])
        #expect(model.cause(ofUnusable: "lm_head.weight")?.found == "tensor 'output.weight'")
        model = try open(["model.embed_tokens.weight", "score.weight"])
        let cause = try #require(model.cause(ofUnusable: "lm_head.weight"))
        #expect(cause.summary == "the model has no output matrix" && cause.found?.contains("score.weight") == true)
    }

    @Test func headThatIsMissingIsToldAsSuch() throws {
        let model = try open(["embed_tokens.weight", "norm.weight"])
        let cause = try #require(model.cause(ofUnusable: "lm_head.weight"))
        #expect(cause.summary == "the model has no output matrix" && cause.advice?.contains("embedding model") == true)
    }

    @Test func nameThatEndsInTheWantedOneIsTold() throws {
        let model = try open(["language_model.model.norm.weight"])
        let cause = try #require(model.cause(ofUnusable: "model.norm.weight"))
        #expect(cause.found == "tensor 'language_model.model.norm.weight'")
    }

    // MARK: Quantised weights

    @Test(arguments: [
        ("w.scales w.biases", "MLX"), ("w.qweight w.scales w.qzeros w.g_idx", "GPTQ"),
        ("w.qweight w.scales", "AWQ or GPTQ"),
        ("w.weight w.weight.absmax w.weight.quant_map", "bitsandbytes"), ("w.weight w.SCB", "bitsandbytes"),
        ("w.weight w.weight.quant_state.bitsandbytes__nf4", "bitsandbytes"),
        ("w.weight_packed w.weight_scale w.weight_shape", "compressed-tensors"), ("w.weight w.weight_scale", "FP8"),
        ("w.weight w.weight_scale_inv", "FP8"), ("w.weight w.weight_scale w.weight_scale_2", "FP4"),
        ("w.W_q w.meta", "HQQ"), ("w.codes w.codebooks", "AQLM"), ("w.q_weight w.q_scale", "EXL2"),
        ("w.weight._data w.weight._scale", "Quanto"), ("w.weight w.scales", "scales"),
        ("up_proj.weight up_proj.scale_weight", "scales"), ("up_proj.weight up_proj.zero_point", "scales"),
        ("w.weight w.pre_quant_scale", "ModelOpt"), ("w.trellis w.suh", "EXL3"),
    ])
    func weightsOfQuantisersAreRefusedByTheirFormat(_ names: String, _ format: String) throws {
        let names = names.split(separator: " ").map { "model.layers.0.mlp.\($0)" }
        fault(.badData, "quantized already", format, "original model") { try open(names) }
    }

    @Test func quantisersFileTellsWhichFormatItIs() throws {
        try folder.write("quant_config.json", "{}")
        fault(.badData, "quantized already (AWQ)") { try open(["model.layers.0.mlp.w.qweight"]) }
    }

    @Test func keyOfMLXIsRefused() throws {
        fault(.badData, "MLX", "key 'quantization'", "bits: 4") {
            try open(["a"], configuration: #","quantization":{"group_size":64,"bits":4}"#)
        }
    }

    @Test func integersWhereWeightsShouldBeAreToldAsSuch() throws {
        let model = try open(["w"], type: "I32")
        let cause = try #require(model.cause(ofUnusable: "w"))
        #expect(cause.description.contains("quantized already") && cause.found == "I32 [1]")
        try folder.write("quantize_config.json", "{}")
        #expect(try open(["w"], type: "I32").cause(ofUnusable: "w")?.description.contains("GPTQ") == true)
    }

    // MARK: Adapters and other folders

    @Test func adapterFolderIsToldAsSuch() throws {
        try folder.write("adapter_config.json", #"{"base_model_name_or_path":"org/base","peft_type":"LORA"}"#)
        try folder.write("adapter_model.safetensors", safetensors([("a", [1], [1])]))
        fault(.badData, "an adapter, not a model", "adapter_config.json", "LORA adapter for org/base", "merge") {
            try Checkpoint.open(folder.path)
        }
        fault(.badData, "there is an adapter beside", "move the adapter's files away") { try open(["a"]) }
        try folder.write("adapter_config.json", "not JSON")
        fault(.badData, "there is an adapter beside") { try Checkpoint.open(folder.path) }
    }

    @Test func adapterAmongTheWeightsIsRefused() throws {
        fault(.badData, "not merged", "lora_A") {
            try open(["base_model.model.model.layers.0.mlp.up_proj.lora_A.default.weight"])
        }
    }

    @Test(arguments: [
        ("model-q4.gguf", "GGUF files"), ("params.json", "maker's own format"), ("model_index.json", "pipeline"),
        ("other.txt", "no config.json"),
    ])
    func folderWithoutConfigurationIsNamedForWhatItIs(_ name: String, _ words: String) throws {
        try folder.write(name, "{}")
        fault(.missingInput, words, name) { try Checkpoint.open(folder.path) }
    }

    @Test(arguments: [
        ("model-q4.gguf", "pass the GGUF file"), ("consolidated.safetensors", "maker's own format"),
        ("model-00001-of-00002.safetensors", "model.safetensors.index.json among them"),
        ("model.fp16.safetensors", "give it the name model.safetensors"),
        ("model-00001-of-00001.safetensors", "give it the name model.safetensors"),
    ])
    func folderWithWeightsOfAnotherKindSaysWhatToDo(_ name: String, _ words: String) throws {
        try folder.write("config.json", #"{"model_type":"llama"}"#)
        try folder.write(name, safetensors([("a", [1], [1])]))
        fault(.missingInput, "no model.safetensors", words, name) { try Checkpoint.open(folder.path) }
    }

    @Test func configurationThatNamesOtherWeightsIsRefused() throws {
        fault(.badData, "another file of weights", "transformers_weights", "other.safetensors") {
            try open(["a"], configuration: #","transformers_weights":"other.safetensors""#)
        }
        _ = try open(["a"], configuration: #","transformers_weights":"model.safetensors""#)
    }

    @Test func folderAroundAModelIsToldAsSuch() throws {
        try folder.folder("inner")
        try folder.write("inner/config.json", "{}")
        fault(.missingInput, "a folder in it has", "pass that folder", "inner") { try Checkpoint.open(folder.path) }
    }

    @Test func twoNamesOfTheNumberTypeThatDifferAreAWarning() throws {
        #expect(
            try open(["a"], configuration: #","dtype":"float16","torch_dtype":"bfloat16""#).warnings.contains {
                $0.contains("dtype is float16 and torch_dtype is bfloat16")
            })
        #expect(try open(["a"], configuration: #","dtype":"float16","torch_dtype":"float16""#).warnings.isEmpty)
    }

    // MARK: Side files

    @Test func templatesInFoldersAreCopiedAndTheRestIsNamed() throws {
        for name in ["additional_chat_templates", "original", "onnx", ".cache"] { try folder.folder(name) }
        try folder.write("additional_chat_templates/tool_use.jinja", "{{ x }}")
        try folder.write("additional_chat_templates/notes.md", "x")
        try folder.write("original/tokenizer.model", "x")
        for name in ["params.json", ".gitattributes", "qwen.tiktoken", "spiece.model", "tokenizer\n.json"] {
            try folder.write(name, "x")
        }
        let model = try open(["a"])
        #expect(
            model.sideFiles.map(\.name) == [
                "additional_chat_templates/tool_use.jinja", "qwen.tiktoken", "spiece.model",
            ])
        #expect(
            model.filesLeft == [
                "additional_chat_templates/notes.md", "onnx/", "original/", "params.json", "tokenizer\n.json",
            ])
        #expect(try model.sideFiles[0].bytes() == Array("{{ x }}".utf8))
    }

    @Test func linksOfTemplatesOutOfTheFolderAreRefused() throws {
        let model = try folder.folder("model")
        try folder.folder("elsewhere")
        try folder.write("elsewhere/a.jinja", "secret")
        try folder.write("model/config.json", #"{"model_type":"llama"}"#)
        try folder.write("model/model.safetensors", safetensors([("a", [1], [1])]))
        try FileManager.default.createSymbolicLink(
            atPath: model + "/additional_chat_templates", withDestinationPath: "../elsewhere")
        fault(.badData, "leads out of the model's folder", "additional_chat_templates") { try Checkpoint.open(model) }
        try FileManager.default.removeItem(atPath: model + "/additional_chat_templates")
        try folder.folder("model/additional_chat_templates")
        try FileManager.default.createSymbolicLink(
            atPath: model + "/additional_chat_templates/a.jinja", withDestinationPath: "../../elsewhere/a.jinja")
        fault(.badData, "leads out of the model's folder", "a.jinja") { try Checkpoint.open(model) }
    }
}
