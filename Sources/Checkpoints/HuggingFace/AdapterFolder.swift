import Faults
import Files
import JSONText

/// Low-rank adapters: changes to another model, which PEFT applies while it loads.
enum AdapterFolder {
    static let configurationName = "adapter_config.json"

    /// A fault when the folder holds an adapter, alone or beside a model. transformers applies one that lies beside a
    /// model where PEFT is installed and passes over it elsewhere, so such a folder stands for two models.
    static func fault(_ names: [String], folder: String) -> Fault? {
        guard names.contains(configurationName) else { return nil }
        let path = FileSystem.joined(folder, configurationName)
        let json = (try? SafePath.checked(folder, configurationName)).flatMap { try? JSONFile.object($0) }
        let base = json?["base_model_name_or_path"]?.stringValue.map { " for \($0)" } ?? ""
        let type = json?["peft_type"]?.stringValue ?? "LoRA"
        let isAlone = !names.contains("config.json")
        return Fault(
            .badData,
            isAlone ? "the folder holds an adapter, not a model" : "there is an adapter beside the model's weights",
            file: path, found: "a \(type) adapter\(base)", expected: "a model with all of its weights",
            advice: (isAlone ? "" : "move the adapter's files away if they do not belong to the model; else ")
                + "merge it first: "
                + PythonAdvice.line(
                    "AutoPeftModelForCausalLM", of: "peft", folder: folder, then: ".merge_and_unload()",
                    saves: "merged"))
    }

    /// A fault when an adapter's matrices stand among the weights.
    static func fault(_ tensors: [TensorDescription], folder: String) -> Fault? {
        let marks = [".lora_A.", ".lora_B.", ".lora_embedding_A", ".base_layer.", ".lora_magnitude_vector"]
        guard let tensor = tensors.first(where: { tensor in marks.contains { tensor.name.contains($0) } }) else {
            return nil
        }
        return Fault(
            .badData, "the weights hold an adapter that is not merged", file: folder, place: "tensor '\(tensor.name)'",
            found: "\(tensor.type.rawValue) \(tensor.shape)", expected: "weights with the adapter merged into them",
            advice: "merge it with PEFT's merge_and_unload() and save again")
    }
}
