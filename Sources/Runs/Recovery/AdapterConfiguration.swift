import Checkpoints
import Faults
import Files
import JSONText
import Recipes

/// `adapter_config.json`, from which PEFT makes a model of adapters and the base that they were trained on.
struct AdapterConfiguration {
    let json: JSONValue

    init(_ lora: RecoverSettings.LowRankSettings, base: Checkpoint) throws(Fault) {
        let name = SourceCard(base).repository ?? FileSystem.last(base.path)
        json = .object([
            "peft_type": .string("LORA"), "task_type": .string("CAUSAL_LM"), "base_model_name_or_path": .string(name),
            "r": .integer(lora.rank), "lora_alpha": .double(lora.alpha), "lora_dropout": .double(0),
            "target_modules": .array(lora.targets.map(JSONValue.string)), "bias": .string("none"),
            "fan_in_fan_out": .bool(false), "inference_mode": .bool(true), "init_lora_weights": .bool(true),
            "modules_to_save": .null,
        ])
    }
}
