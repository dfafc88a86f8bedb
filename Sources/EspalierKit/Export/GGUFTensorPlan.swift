import Checkpoints
import Decoders
import Faults

/// A tensor of the GGUF file, and where its numbers come from.
struct GGUFPlannedTensor {
    enum Source {
        /// A tensor of the model, by name.
        case stored(String)
        case values([Float])
        /// The same number everywhere.
        case constant(Float)
    }

    var tensor: GGUFHeader.Tensor
    var source: Source
    /// Heads whose rows are interleaved in the file; nil where rows stand as in the model.
    var permutedHeads: Int?
    /// Whether the file holds 1 + weight.
    var addsOne = false
    /// Whether the type is another than the one asked for, since its rows do not hold whole blocks.
    var isFallback = false
}

/// The tensors of a GGUF file, in order, and their types.
struct GGUFTensorPlan {
    let configuration: DecoderConfiguration
    let layout: GGUFLayout
    let family: GGUFFamily
    /// What was asked for.
    let types: GGUFTypes

    /// - Parameter frequencyFactors: of the rotary embedding, where it has some.
    /// - Throws: `badData` for a tensor that the family does not know.
    func tensors(frequencyFactors: [Float]?, file: String) throws(Fault) -> [GGUFPlannedTensor] {
        var whole: [GGUFPlannedTensor] = []
        var byLayer: [Int: [GGUFPlannedTensor]] = [:]
        let places = Dictionary(uniqueKeysWithValues: layout.layers.enumerated().map { ($1.source, $0) })
        for (name, shape) in Decoder.expectedTensors(configuration) {
            guard let stored = family.storedName(name) else {
                throw Fault(
                    .badData, "GGUF's architecture has no place for a tensor", file: file, place: "tensor '\(name)'",
                    found: "architecture \(family.name)")
            }
            guard let layer = stored.layer else {
                let isOutput = name == (configuration.tiesWordEmbeddings ? Decoder.embeddingName : Decoder.headName)
                var planned = plan(stored.rest, nil, shape, .stored(name), isOutput: isOutput)
                planned.addsOne = family.addsOneToNorms && name == Decoder.finalNormName
                whole.append(planned)
                continue
            }
            guard let place = places[layer] else { continue }
            var planned = plan(stored.rest, place, shape, .stored(name))
            if family.permutesHeads, stored.rest.hasPrefix("attn_q.") {
                planned.permutedHeads = configuration.layers[layer].headCount
            } else if family.permutesHeads, stored.rest.hasPrefix("attn_k.") {
                planned.permutedHeads = configuration.layers[layer].keyValueHeadCount
            }
            planned.addsOne = family.addsOneToNorms && stored.rest.hasSuffix("norm.weight")
            byLayer[layer, default: []].append(planned)
        }
        var list = Array(whole.prefix(1))
        if let frequencyFactors {
            list.append(plan("rope_freqs.weight", nil, [frequencyFactors.count], .values(frequencyFactors)))
        }
        for (place, layer) in layout.layers.enumerated() {
            list += (byLayer[layer.source] ?? []) + zeros(layer, place)
        }
        return list + whole.dropFirst()
    }

    /// The halves of zeros, and norms that change nothing.
    private func zeros(_ layer: GGUFLayout.Layer, _ place: Int) -> [GGUFPlannedTensor] {
        let hidden = configuration.hiddenSize
        func matrices(_ names: [(String, Int, Int)], norm: String) -> [GGUFPlannedTensor] {
            names.map { plan("\($0.0).weight", place, [$0.1, $0.2], .constant(0)) }
                + [plan("\(norm).weight", place, [hidden], .constant(1))]
        }
        var list: [GGUFPlannedTensor] = []
        if layer.hasZeroAttention {
            let size = configuration.headDimension
            list += matrices(
                [
                    ("attn_q", size, hidden), ("attn_k", size, hidden), ("attn_v", size, hidden),
                    ("attn_output", hidden, size),
                ], norm: "attn_norm")
        }
        if layer.hasZeroMLP {
            let width = layer.shape.intermediateSize
            list += matrices(
                [("ffn_gate", width, hidden), ("ffn_up", width, hidden), ("ffn_down", hidden, width)],
                norm: "ffn_norm")
        }
        return list
    }

    /// - Parameters:
    ///   - name: without the layer.
    ///   - place: the file's layer; nil outside layers.
    private func plan(
        _ name: String, _ place: Int?, _ shape: [Int], _ source: GGUFPlannedTensor.Source, isOutput: Bool = false
    ) -> GGUFPlannedTensor {
        // Norms and biases are few numbers, and readers want them in float32.
        let wanted =
            shape.count > 1
            ? types.type(name, layer: place, of: layout.layers.count, isOutput: isOutput) : .f32
        let used = GGUFTypes.fitting(wanted, shape.last ?? 1)
        return GGUFPlannedTensor(
            tensor: .init(place.map { "blk.\($0).\(name)" } ?? name, shape, used), source: source,
            isFallback: used != wanted)
    }
}
