import Checkpoints
import Torch

/// Another order of a model's inner channels, under which it is the same function: whoever writes a channel and whoever
/// reads it agree on its place. Entry i of an order is the old place of what comes i-th.
public struct ChannelOrder: Equatable, Sendable {
    /// Of the residual stream, which embeddings, norms, output matrix and every linear share.
    public var stream: [Int]?
    /// Of the neurons between `up` and `down`, by layer and by `down` projection (every expert has its own).
    public var neurons: [[ProjectionName: [Int]]]
    /// Of the channels of the values, by layer and key-value head; `o` reads each once for every query head.
    public var values: [[[Int]]?]

    public init(layerCount: Int) {
        neurons = Array(repeating: [:], count: layerCount)
        values = Array(repeating: nil, count: layerCount)
    }

    /// Whether it leaves everything where it is.
    public var isIdentity: Bool { stream == nil && neurons.allSatisfy(\.isEmpty) && values.allSatisfy { $0 == nil } }
}

extension Decoder {
    /// The same function with its channels in another order. Its weights are the checkpoint's, read so.
    public func reordered(_ order: ChannelOrder) -> Decoder {
        Decoder(self, checkpoint: checkpoint.reordered(tensors(order)))
    }

    /// The name of a tensor that may read the residual stream and that no family has: the stream's channels stay then.
    public var unknownOfStream: String? {
        let known = Set(expectedTensors.map(\.name) + [Decoder.headName])
        return checkpoint.tensors.first { tensor in
            !known.contains(tensor.name) && tensor.shape.contains(configuration.hiddenSize)
        }?.name
    }

    /// What an order of channels does to each tensor.
    func tensors(_ order: ChannelOrder) -> TensorOrder {
        let c = configuration
        var result = TensorOrder()
        if let stream = order.stream {
            result.columns[Decoder.embeddingName] = stream
            result.columns[Decoder.headName] = stream
            result.rows[Decoder.finalNormName] = stream
        }
        for layer in 0..<c.layerCount {
            func rows(_ linear: LinearName, _ order: [Int]) {
                result.rows[linear.weightName(layer: layer)] = order
                if c.hasBias(linear, layer: layer) { result.rows[linear.biasName(layer: layer)] = order }
            }
            if let stream = order.stream {
                for linear in c.linears(layer: layer) {
                    switch linear.role {
                    case .o, .down: rows(linear, stream)
                    default: result.columns[linear.weightName(layer: layer)] = stream
                    }
                }
                for norm in c.norms(layer: layer) where c.width(of: norm) == c.hiddenSize && !norm.place.isHead {
                    result.rows[norm.weightName(layer: layer)] = stream
                }
                if let experts = c.experts(layer: layer) { result.columns[experts.routerName(layer: layer)] = stream }
            }
            for (down, neurons) in order.neurons[layer] {
                for linear in c.linears(layer: layer) where linear.expert == down.expert {
                    if linear.role == .gate || linear.role == .up { rows(linear, neurons) }
                    if linear.role == .down { result.columns[linear.weightName(layer: layer)] = neurons }
                }
            }
            if let values = order.values[layer] {
                let (width, shape) = (c.headDimension, c.layers[layer])
                let queries = shape.headCount / max(1, shape.keyValueHeadCount)
                rows(.v, values.enumerated().flatMap { head, own in own.map { head * width + $0 } })
                result.columns[LinearName.o.weightName(layer: layer)] = (0..<shape.headCount).flatMap { head in
                    values[head / queries].map { head * width + $0 }
                }
            }
        }
        return result
    }
}
