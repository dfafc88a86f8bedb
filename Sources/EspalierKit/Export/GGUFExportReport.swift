import Checkpoints
import Faults
import Files
import JSONText

/// What an export to GGUF wrote.
public struct GGUFExportReport {
    public let model: String
    public let output: String
    /// `general.architecture`
    public let architecture: String
    /// What was asked for.
    public let asked: GGUFTypes
    /// Of the file.
    public private(set) var bytes = 0
    /// SHA-256 of the file.
    public private(set) var digest = ""
    /// What the matrices lost by their types: √(Σ (x' − x)² / Σ x²).
    public private(set) var relativeError = 0.0
    /// Weights that are zero, and those of them that the file holds as other numbers.
    public private(set) var zeros = 0
    public private(set) var filledZeros = 0
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
    public private(set) var notes: [String]
    /// SHA-256 of the model's completion record, by which `report` knows what the file was made from; nil for a model
    /// that has none.
    public internal(set) var recordDigest: String?
    /// The file's predictions beside the model's; nil where no text was given.
    public internal(set) var evaluation: EvaluationReport?

    init(
        model: String, output: String, architecture: String, types asked: GGUFTypes, layout: GGUFLayout,
        tensors: [GGUFPlannedTensor], notes: [String]
    ) {
        (self.model, self.output, self.architecture, self.asked) = (model, output, architecture, asked)
        tensorCount = tensors.count
        layerCount = layout.layers.count
        types = Quantisation.types.compactMap { type in
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
        for type in Quantisation.types {
            let names = tensors.filter { $0.isFallback && $0.tensor.type == type }.map(\.tensor.name)
            guard !names.isEmpty else { continue }
            notes.append(
                "\(Amount.count(names.count, "tensor")) in \(type.name): the rows do not hold whole blocks of a type "
                    + "of \(asked.name) (\(names.prefix(3).joined(separator: ", "))"
                    + (names.count > 3 ? ", …)" : ")"))
        }
        if asked.base.isQuantised, asked.output != asked.base {
            notes.append("the output matrix is stored in \(asked.output.name), for its quality")
        }
        self.notes = notes
    }

    mutating func add(_ loss: QuantisationLoss, _ digest: FileDigest) {
        (bytes, self.digest) = (digest.bytes, digest.sha256)
        (relativeError, zeros, filledZeros) = (loss.relativeError, loss.zeros, loss.filledZeros)
        // A dense model has some zeros, too; nobody built on them.
        guard filledZeros > 0, zeros * 20 > loss.count else { return }
        let share = Double(filledZeros) / Double(zeros)
        notes.append(
            "\(Amount.percent(share)) of the pruned weights are no longer zero: a type with a minimum for each block has "
                + "no exact zero; F16, Q8_0, Q6_K, Q5_0 and Q4_0 keep all")
    }

    /// What `export --json` prints.
    public var json: JSONValue {
        func numbers(_ list: [Int]) -> JSONValue { .array(list.map { .integer($0) }) }
        return .object([
            "model": .string(model), "output": .string(output), "format": .string("gguf"),
            "architecture": .string(architecture), "type": .string(asked.name), "bytes": .integer(bytes),
            "sha256": .string(digest), "layers": .integer(layerCount), "tensors": .integer(tensorCount),
            "types": .object(JSONObject(types.map { ($0.name, .integer($0.count)) })),
            "layers_left_out": numbers(dropped), "layers_with_zero_attention": numbers(zeroAttention),
            "layers_with_zero_mlp": numbers(zeroMLP), "fallbacks": .array(fallbacks.map { .string($0) }),
            "relative_error": .double(relativeError), "zeros": .integer(zeros), "filled_zeros": .integer(filledZeros),
            "notes": .array(notes.map { .string($0) }),
            "source_record_sha256": recordDigest.map { .string($0) } ?? .null,
            "evaluation": evaluation?.json ?? .null,
        ])
    }
}
