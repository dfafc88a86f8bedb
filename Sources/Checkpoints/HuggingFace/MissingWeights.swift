import Faults

/// What stands for the weights of a folder that has none: tensors are known by the configuration and cannot be read.
struct MissingWeights: TensorSource {
    let folder: String

    static let advice = "download the missing files; `espalier plan` needs config.json alone"

    /// Whether a folder holds no weights in any format. An index of shards is not a weight file.
    static func areMissing(_ names: [String]) -> Bool {
        !names.contains { $0.hasSuffix(".safetensors") } && PickledWeights.fault(names, folder: "") == nil
    }

    /// The number type that a configuration names; float32 where it names none, as transformers has it.
    static func type(_ reader: ConfigurationReader) throws(Fault) -> StoredType {
        for key in ["dtype", "torch_dtype"] {
            guard let value = reader.value(key) else { continue }
            guard let name = value.stringValue,
                let type = StoredType.allCases.first(where: { $0.configurationName == name })
            else { throw reader.fault(key, found: value.kindName, expected: "float32, float16, bfloat16 or float64") }
            return type
        }
        return .f32
    }

    private var fault: Fault {
        Fault(
            .missingInput, "the folder holds a configuration and no weights", file: folder,
            expected: "model.safetensors, or \(ShardIndex.fileName) with its shards", advice: MissingWeights.advice)
    }

    func read(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) { throw fault }
    func readStored(_ tensor: TensorDescription, into target: UnsafeMutableRawBufferPointer) throws(Fault) {
        throw fault
    }
    func weightFile(of name: String) -> String? { nil }
    func checkUnchanged() throws(Fault) { throw fault }
}
