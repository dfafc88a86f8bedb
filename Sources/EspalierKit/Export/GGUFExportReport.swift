import Checkpoints
import Faults
import JSONText

/// What an export to GGUF wrote.
public struct GGUFExportReport {
    public let model: String
    public let output: String
    /// `general.architecture`
    public let architecture: String
    /// Of most matrices.
    public let type: GGUFTensorType
    /// Of the file.
    public internal(set) var bytes = 0
    /// SHA-256 of the file.
    public internal(set) var digest = ""
    public let tensorCount: Int
    /// How many tensors have a type, by its name, in the order of the types.
    public let types: [(name: String, count: Int)]
    /// Layers of the file.
    public let layerCount: Int
    /// The model's layers that are left out, since they have neither half.
    public let dropped: [Int]
    /// The model's layers that got attention, or an MLP, of zeros.
    public let zeroAttention: [Int]
    public let zeroMLP: [Int]
    /// Tensors whose rows do not hold whole blocks.
    public let fallbacks: [String]
    /// What a person should know.
    public let notes: [String]

    init(
        model: String, output: String, architecture: String, type: GGUFTensorType, layout: GGUFLayout,
        tensors: [GGUFPlannedTensor], outputType: GGUFTensorType, notes: [String]
    ) {
        (self.model, self.output, self.architecture, self.type) = (model, output, architecture, type)
        tensorCount = tensors.count
        layerCount = layout.layers.count
        types = GGUFExport.types.compactMap { type in
            let count = tensors.count { $0.tensor.type == type }
            return count > 0 ? (type.name, count) : nil
        }
        dropped = layout.dropped
        zeroAttention = layout.layers.filter(\.hasZeroAttention).map(\.source)
        zeroMLP = layout.layers.filter(\.hasZeroMLP).map(\.source)
        fallbacks = tensors.filter(\.isFallback).map(\.tensor.name)
        var notes = notes
        func layers(_ list: [Int]) -> String {
            (list.count == 1 ? "layer " : "layers ") + list.map(String.init).joined(separator: ", ")
        }
        if !dropped.isEmpty {
            notes.append(
                "\(layers(dropped)) of the model: neither attention nor MLP, left out, which computes the same")
        }
        if !zeroMLP.isEmpty {
            notes.append(
                "\(layers(zeroMLP)) of the model: no MLP; got one of \(GGUFLayout.sliver) neurons of zeros, without "
                    + "which llama.cpp computes something else")
        }
        if !zeroAttention.isEmpty {
            notes.append(
                "\(layers(zeroAttention)) of the model: no attention; got one head of zeros, without which llama.cpp "
                    + "does not open the file")
        }
        if !fallbacks.isEmpty {
            notes.append(
                "\(Amount.count(fallbacks.count, "tensor")) in F16: rows that are no multiple of 32 do not fit "
                    + "\(type.name)'s blocks (\(fallbacks.prefix(3).joined(separator: ", "))"
                    + (fallbacks.count > 3 ? ", …)" : ")"))
        }
        if outputType != type { notes.append("the output matrix is stored in \(outputType.name), for its quality") }
        self.notes = notes
    }

    /// What `export --json` prints.
    public var json: JSONValue {
        func numbers(_ list: [Int]) -> JSONValue { .array(list.map { .integer($0) }) }
        return .object([
            "model": .string(model), "output": .string(output), "format": .string("gguf"),
            "architecture": .string(architecture), "type": .string(type.name), "bytes": .integer(bytes),
            "sha256": .string(digest), "layers": .integer(layerCount), "tensors": .integer(tensorCount),
            "types": .object(JSONObject(types.map { ($0.name, .integer($0.count)) })),
            "layers_left_out": numbers(dropped), "layers_with_zero_attention": numbers(zeroAttention),
            "layers_with_zero_mlp": numbers(zeroMLP), "in_f16": .array(fallbacks.map { .string($0) }),
            "notes": .array(notes.map { .string($0) }),
        ])
    }
}
