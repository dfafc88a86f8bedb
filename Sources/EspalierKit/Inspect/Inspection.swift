import Checkpoints
import Decoders
import Faults

/// What `inspect` finds out, apart from its command line.
public struct Inspection {
    /// Parameters of a kind of part.
    public enum Part: String, CaseIterable, Sendable {
        case embedding
        case attention
        case mlp = "MLP"
        case norms
        case head
    }

    /// One kind of linear in all blocks.
    public struct Linear: Sendable {
        /// Which linear of a block.
        public var name: LinearName
        /// Blocks that have it.
        public var count: Int
        /// Nil where the blocks differ.
        public var shape: (out: Int, in: Int)?
        /// In all blocks, without biases.
        public var parameters: Int
        /// Nil when the weights were not read.
        public var scan: WeightScan?
    }

    /// Its path.
    public var model: String
    /// The headers.
    public var checkpoint: Checkpoint
    /// Family and shapes.
    public var configuration: DecoderConfiguration
    /// Every part, in order, of which some may have none.
    public var parameters: [(part: Part, count: Int)]
    /// In the order in which a forward pass meets them.
    public var linears: [Linear]
    /// Tensors with values that are not numbers; nil when the weights were not read.
    public var nonFinite: [(tensor: String, count: Int)]?
    /// Nil where there is none that can be used.
    public var tokenizer: TokenizerSummary?
    /// What was noticed on opening.
    public var warnings: [String]

    /// - Parameters:
    ///   - path: a Hugging Face folder or a GGUF file.
    ///   - readsWeights: whether the weights are read, tensor by tensor, for their zeros and for values that are not
    ///     numbers.
    ///   - reporter: told how the work goes.
    /// - Throws: `Fault` for a model that cannot be used. A tokenizer that cannot is a warning.
    public init(_ path: String, readsWeights: Bool, reporter: any Reporter) throws(Fault) {
        let opened = try OpenedModel(path)
        model = path
        checkpoint = opened.checkpoint
        configuration = opened.configuration
        warnings = opened.warnings
        parameters = Inspection.parameters(opened.decoder)
        do throws(Fault) { tokenizer = try TokenizerSummary(opened) } catch {
            warnings.append(OpenedModel.unusableTokenizer(error))
        }
        linears = Inspection.linears(configuration)
        if readsWeights { try read(opened.decoder, reporter) }
        if let tokenizer, tokenizer.tokens < configuration.vocabularySize {
            warnings.append(
                "the tokenizer has \(tokenizer.tokens) tokens and the model \(configuration.vocabularySize) "
                    + "embeddings; "
                    + "the rest is usually padding")
        }
    }

    private static func linears(_ configuration: DecoderConfiguration) -> [Linear] {
        configuration.linears.map { name in
            let layers = (0..<configuration.layerCount).filter { configuration.has(name, layer: $0) }
            let shapes = layers.map { configuration.shape(of: name, layer: $0) }
            let isOne = shapes.allSatisfy { $0 == shapes[0] }
            return Linear(
                name: name, count: layers.count, shape: isOne ? shapes.first : nil,
                parameters: shapes.reduce(0) { $0 + $1.out * $1.in })
        }
    }

    /// By what the tensor belongs to; biases count with their linear.
    private static func parameters(_ decoder: Decoder) -> [(part: Part, count: Int)] {
        var counts: [Part: Int] = [:]
        for (name, shape) in decoder.expectedTensors {
            let part: Part =
                if name == Decoder.embeddingName { .embedding } else if name == Decoder.headName {
                    .head
                } else if name.contains("norm") { .norms } else if name.contains(".self_attn.") { .attention } else {
                    .mlp
                }
            counts[part, default: 0] += shape.reduce(1, *)
        }
        return Part.allCases.map { ($0, counts[$0] ?? 0) }
    }

    private mutating func read(_ decoder: Decoder, _ reporter: any Reporter) throws(Fault) {
        var byName: [String: LinearName] = [:]
        for layer in 0..<configuration.layerCount {
            for name in configuration.linears(layer: layer) { byName[name.weightName(layer: layer)] = name }
        }
        var scans: [LinearName: WeightScan] = [:]
        var found: [(tensor: String, count: Int)] = []
        let tensors = decoder.expectedTensors.compactMap { checkpoint.tensor($0.name) }
        reporter.begin("reading weights", total: Double(tensors.reduce(0) { $0 + $1.count }), unit: "parameters")
        for tensor in tensors {
            let scan = try WeightScan(checkpoint, tensor)
            if scan.nonFinite > 0 { found.append((tensor.name, scan.nonFinite)) }
            if let name = byName[tensor.name] { scans[name, default: WeightScan()].add(scan) }
            reporter.advance(by: Double(tensor.count))
        }
        reporter.finish()
        nonFinite = found
        for index in linears.indices { linears[index].scan = scans[linears[index].name] }
    }

    /// Of all parts.
    public var totalParameters: Int { parameters.reduce(0) { $0 + $1.count } }

    /// Zeros among the linears' weights.
    public var sparsity: Double? {
        let scans = linears.compactMap(\.scan)
        let elements = scans.reduce(0) { $0 + $1.elements }
        return elements == 0 ? nil : Double(scans.reduce(0) { $0 + $1.zeros }) / Double(elements)
    }

    /// How the source stores its tensors, the most bytes first.
    public var encodings: [(name: String, tensors: Int, parameters: Int)] {
        var found: [String: (tensors: Int, parameters: Int)] = [:]
        for tensor in checkpoint.tensors {
            found[tensor.encoding, default: (0, 0)].tensors += 1
            found[tensor.encoding, default: (0, 0)].parameters += tensor.count
        }
        return found.map { ($0.key, $0.value.tensors, $0.value.parameters) }
            .sorted { ($1.parameters, $0.name) < ($0.parameters, $1.name) }
    }

    /// Of the weight files.
    public var fileBytes: Int { checkpoint.weightFiles.reduce(0) { $0 + $1.bytes } }
}
