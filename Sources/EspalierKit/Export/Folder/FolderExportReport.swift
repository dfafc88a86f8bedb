import Checkpoints
import Decoders
import Files
import JSONText
import Recipes

/// What an export to a folder wrote.
public struct FolderExportReport {
    public let model: String
    public let output: String
    public let layout: ServingLayout
    /// Of the folder.
    public let layerCount: Int
    public let tensorCount: Int
    /// How many tensors have a type, by its name.
    public let types: [(name: String, count: Int)]
    /// Numbers in the folder's tensors, and how many of them are zeros that the model does not have.
    public let parameters: Int
    public let zeros: Int
    /// The model's layers that are left out, that got attention or an MLP of zeros, and that got zeros beside their own
    /// heads or neurons.
    public let dropped: [Int]
    public let zeroAttention: [Int]
    public let zeroMLP: [Int]
    public let padded: [Int]
    /// Types to which weights were rounded.
    public let rounded: [StoredType]
    /// Software that opens the folder.
    public let engines: [ServingEngine]
    /// What a person should know.
    public let notes: [String]
    /// Every file with its digest.
    public internal(set) var files: [FileDigest] = []
    public var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

    init(
        model: String, output: String, layout: ServingLayout, configuration: DecoderConfiguration,
        layers: FolderLayers, usesFactors: Bool, tensors: [TensorDescription], rounded: [StoredType]
    ) {
        self.rounded = rounded
        (self.model, self.output, self.layout) = (model, output, layout)
        layerCount = layers.layers.count
        tensorCount = tensors.count
        types = StoredType.allCases.compactMap { type in
            let count = tensors.count { $0.type == type }
            return count > 0 ? (type.rawValue, count) : nil
        }
        parameters = tensors.reduce(0) { $0 + $1.count }
        let own = Decoder.expectedTensors(configuration).reduce(0) { $0 + $1.shape.reduce(1, *) }
        // Norms of halves of zeros are no zeros, and few.
        zeros = max(0, parameters - own)
        dropped = layers.dropped
        zeroAttention = layers.layers.filter { !$0.own.hasAttention && $0.shape.hasAttention }.map(\.source)
        zeroMLP = layers.layers.filter { !$0.own.hasMLP && $0.shape.hasMLP }.map(\.source)
        padded = layers.layers.filter { layer in
            let (own, shape) = (layer.own, layer.shape)
            return own.hasAttention && own.headCount < shape.headCount
                || own.hasMLP && own.intermediateSize < shape.intermediateSize
        }.map(\.source)
        let fillsHidden = layers.headCount * configuration.headDimension == configuration.hiddenSize
        engines = FolderExportReport.engines(layout, usesFactors: usesFactors, fillsHidden: fillsHidden)
        notes =
            FolderExportReport.notes(
                layout, usesFactors: usesFactors, fillsHidden: fillsHidden, dropped: dropped,
                zeroAttention: zeroAttention, zeroMLP: zeroMLP, padded: padded)
            + rounded.map { "weights are rounded to \($0.rawValue), which cannot hold all numbers of their own type" }
    }

    private static func engines(_ layout: ServingLayout, usesFactors: Bool, fillsHidden: Bool) -> [ServingEngine] {
        switch layout {
        case .deci: [.vllm] + (usesFactors ? [.sglang] : []) + (usesFactors && fillsHidden ? [.mlx] : [])
        case .transformers: [.transformers]
        case .padded, .plain: [.transformers, .vllm, .sglang, .mlx]
        case .gguf: [.llamaCpp]
        }
    }

    private static func notes(
        _ layout: ServingLayout, usesFactors: Bool, fillsHidden: Bool, dropped: [Int], zeroAttention: [Int],
        zeroMLP: [Int], padded: [Int]
    ) -> [String] {
        func layers(_ list: [Int]) -> String {
            (list.count == 1 ? "layer " : "layers ") + list.map(String.init).joined(separator: ", ")
        }
        var notes: [String] = []
        switch layout {
        case .deci:
            notes.append(
                "its reader needs trust_remote_code, for the configuration's class in the folder only; the model's "
                    + "code is the engine's own")
            if !usesFactors {
                notes.append(
                    "widths are exact, which vLLM reads; SGLang and mlx-lm read multiples of "
                        + "\(DeciWidth.multiple) only (prune with --for sglang or --for mlx)")
            } else if !fillsHidden {
                notes.append("mlx-lm does not open it: it takes heads that together are as wide as the hidden state")
            }
        case .transformers: notes.append("its reader needs trust_remote_code, for the model's code in the folder")
        case .padded:
            notes.append(
                "zeros up to the widest layer: no smaller in memory and no faster than a model whose layers are all "
                    + "that wide")
        case .plain, .gguf: break
        }
        if !dropped.isEmpty {
            notes.append(
                "\(layers(dropped)) of the model: neither attention nor MLP, left out, which computes the same")
        }
        if layout != .padded {
            if !zeroAttention.isEmpty {
                notes.append("\(layers(zeroAttention)) of the model: no attention; got heads of zeros")
            }
            if !zeroMLP.isEmpty {
                notes.append(
                    "\(layers(zeroMLP)) of the model: no MLP; got one of \(FolderLayers.sliver) neurons of zeros")
            }
            if !padded.isEmpty {
                notes.append("\(layers(padded)) of the model: heads of zeros beside its own, up to a common number")
            }
        }
        return notes
    }

    /// What `export --json` prints.
    public var json: JSONValue {
        func numbers(_ list: [Int]) -> JSONValue { .array(list.map { .integer($0) }) }
        return .object([
            "model": .string(model), "output": .string(output), "format": .string(layout.text),
            "bytes": .integer(bytes), "layers": .integer(layerCount), "tensors": .integer(tensorCount),
            "types": .object(JSONObject(types.map { ($0.name, .integer($0.count)) })),
            "parameters": .integer(parameters), "zeros_added": .integer(zeros),
            "layers_left_out": numbers(dropped), "layers_with_zero_attention": numbers(zeroAttention),
            "layers_with_zero_mlp": numbers(zeroMLP), "layers_padded": numbers(padded),
            "rounded_to": .array(rounded.map { .string($0.rawValue) }),
            "opens_in": .array(engines.map { .string($0.text) }), "notes": .array(notes.map { .string($0) }),
            "files": .object(
                JSONObject(
                    files.sorted { $0.name < $1.name }.map {
                        ($0.name, .object(["bytes": .integer($0.bytes), "sha256": .string($0.sha256)]))
                    })),
        ])
    }
}
