import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Recipes
import Records
import Recovery
import Torch

/// Adapters in PEFT's layout that a recovery begins with.
struct GivenAdapters {
    private let file: SafetensorsFile
    private let path: String
    private let rank: Int

    /// - Parameter base: what they are put on.
    /// - Throws: `missingInput` without the two files, `badData` for adapters of another kind, rank, target or base.
    init(_ folder: String, _ lora: RecoverSettings.LowRankSettings, base: Checkpoint) throws(Fault) {
        try GivenAdapters.check(FileSystem.joined(folder, PublishedFile.adapterConfiguration), lora, base)
        path = FileSystem.joined(folder, PublishedFile.adapter)
        rank = lora.rank
        file = try SafetensorsFile(path)
    }

    /// Tells these weights from others.
    func digest() throws(Fault) -> String { try InputFile(path).digest() }

    // MARK: What they say of themselves

    private static func check(
        _ path: String, _ lora: RecoverSettings.LowRankSettings, _ base: Checkpoint
    ) throws(Fault) {
        let bytes = try InputFile(path).contents(limit: 16 << 20)
        let value: JSONValue
        do throws(Fault) { value = try JSONValue(parsing: bytes) } catch { throw error.inFile(path) }
        let object = value.objectValue ?? JSONObject()
        func fault(_ summary: String, _ key: String, _ expected: String, _ advice: String) -> Fault {
            Fault(
                .badData, summary, file: path, place: "'\(key)'",
                found: object[key].map { LegibleText.of($0.text(pretty: false)) } ?? "nothing", expected: expected,
                advice: advice)
        }
        guard object["peft_type"]?.stringValue == "LORA" else {
            throw fault("these are no adapters of LoRA", "peft_type", "\"LORA\"", "give a folder of PEFT's with LoRA")
        }
        guard let rank = object["r"]?.integerValue, rank == lora.rank else {
            let advice = object["r"]?.integerValue.map { "give --rank \($0)" } ?? "give a folder of PEFT's with LoRA"
            throw fault("the adapters have another rank", "r", "\(lora.rank), as --rank says", advice)
        }
        guard let alpha = object["lora_alpha"]?.doubleValue, alpha == lora.alpha else {
            let advice = object["lora_alpha"]?.doubleValue.map { "give --alpha \($0)" } ?? "repair the file"
            throw fault("the adapters count otherwise", "lora_alpha", "\(lora.alpha), as --alpha says", advice)
        }
        let listed = object["target_modules"]?.arrayValue
        let targets = (listed ?? []).compactMap(\.stringValue)
        guard targets.count == listed?.count, Set(targets) == Set(lora.targets) else {
            throw fault(
                "the adapters are on other linears", "target_modules", lora.targets.joined(separator: ", "),
                "name the same linears with --targets, one each")
        }
        // What makes another product of the same two matrices, or trains something beside them.
        for key in ["use_dora", "use_rslora", "use_qalora", "use_bdlora", "fan_in_fan_out", "lora_bias"]
        where object[key]?.boolValue == true {
            throw fault("adapters of this kind are not supported", key, "false", "give plain LoRA adapters")
        }
        if let bias = object["bias"]?.stringValue, bias != "none" {
            throw fault("adapters with biases are not supported", "bias", "\"none\"", "give plain LoRA adapters")
        }
        for key in [
            "rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform", "layer_replication",
            "target_parameters", "trainable_token_indices",
        ] {
            let isEmpty =
                switch object[key] {
                case nil, .some(.null): true
                case .some(let value):
                    value.objectValue?.members.isEmpty ?? value.arrayValue?.isEmpty ?? false
                }
            guard isEmpty else {
                throw fault("adapters of this kind are not supported", key, "nothing", "give plain LoRA adapters")
            }
        }
        guard let name = object["base_model_name_or_path"]?.stringValue else { return }
        let own = [SourceCard(base).repository, base.path].compactMap { $0 }
        guard own.contains(where: { FileSystem.last($0) == FileSystem.last(name) }) else {
            throw fault(
                "the adapters were made for another base", "base_model_name_or_path",
                own.map(FileSystem.last).joined(separator: " or "),
                "give the model that they were made for; if this is the same one under another name, change the name in "
                    + "the file")
        }
    }

    // MARK: Their weights

    private static func prefix(_ layer: Int) -> String { "base_model.model.model.layers.\(layer)." }

    /// Has a trainer begin with them.
    ///
    /// - Throws: `badData` for a tensor that is missing, that nothing takes, or that has another shape.
    func put(into trainer: Trainer, device: Device) throws(Fault) {
        var known: Set<String> = []
        for layer in 0..<trainer.layerCount {
            let adapters = try trainer.adapters(of: layer)
            for adapter in adapters {
                for ending in ["A", "B"] { known.insert(GivenAdapters.name(layer, adapter.linear, ending)) }
            }
        }
        if let other = file.tensors.first(where: { !known.contains($0.name) }) {
            throw Fault(
                .badData, "the adapters have a tensor for which the model has no place", file: path,
                place: "tensor '\(LegibleText.of(other.name))'",
                expected: "A and B of \(known.count / 2) linears in \(trainer.layerCount) layers",
                advice: "give adapters that were made for this model")
        }
        for layer in 0..<trainer.layerCount {
            let adapters = try trainer.adapters(of: layer)
            try trainer.restore(layer: layer, onlyMasters: true) { (name, _) throws(Fault) in
                let parts = adapters.filter { name.hasPrefix($0.linear.projection.rawValue + ".lora_") }
                var values: [Tensor] = []
                for part in parts {
                    let isSecond = name.hasSuffix("B")
                    values.append(
                        try read(
                            GivenAdapters.name(layer, part.linear, isSecond ? "B" : "A"),
                            (isSecond ? part.b : part.a).shape))
                }
                return Tensor.concatenated(values).to(device)
            }
        }
    }

    private static func name(_ layer: Int, _ linear: LinearName, _ ending: String) -> String {
        prefix(layer) + "\(linear.checkpointName).lora_\(ending).weight"
    }

    private func read(_ name: String, _ shape: [Int]) throws(Fault) -> Tensor {
        guard let tensor = file.tensor(name) else {
            throw Fault(
                .badData, "the adapters lack a tensor", file: path, place: "tensor '\(name)'",
                advice: "give adapters that were made for this model, with --targets as they have it")
        }
        guard tensor.shape == shape, let dtype = DType(tensor.type) else {
            throw Fault(
                .badData, "a tensor of the adapters does not fit the model", file: path, place: "tensor '\(name)'",
                found: "\(tensor.type) of the shape \(tensor.shape)", expected: "floating-point numbers of \(shape)",
                advice: "give adapters that were made for this model")
        }
        let values = Tensor.empty(shape, dtype)
        try values.withMutableBytes { (bytes) throws(Fault) in try file.read(name, into: bytes) }
        let result = values.to(.float32)
        guard result.allFinite() else {
            throw Fault(
                .badData, "some of the adapters' weights are NaN or infinite", file: path, place: "tensor '\(name)'",
                advice: "give adapters of a run that ended well")
        }
        return result
    }
}
