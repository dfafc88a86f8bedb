import Checkpoints
import Decoders
import Runs

/// A tensor of an exported folder, and where its numbers come from.
struct FolderTensor {
    enum Source {
        /// A tensor of the model, with zeros between its rows and columns.
        case padded(String, rows: ZeroPadding, columns: ZeroPadding)
        /// The same number everywhere.
        case constant(Float)
    }

    var tensor: TensorDescription
    var source: Source
}

/// The tensors of an exported folder: of all layers together, then layer by layer.
struct FolderTensors {
    let checkpoint: Checkpoint
    let layers: FolderLayers
    /// The model's.
    let configuration: DecoderConfiguration
    let types: OutputTypes

    /// Groups that stay together: what is outside of layers, then each layer.
    var groups: [[FolderTensor]] {
        let target = layers.configuration(configuration)
        var outside: [FolderTensor] = []
        for (name, shape) in Decoder.expectedTensors(configuration) where !name.hasPrefix("model.layers.") {
            outside.append(stored(name, as: name, .whole(shape[0]), .whole(shape.count > 1 ? shape[1] : 1), shape))
        }
        return [outside] + layers.layers.enumerated().map { tensors($0, $1, target) }
    }

    private func tensors(
        _ index: Int, _ layer: FolderLayers.Layer, _ target: DecoderConfiguration
    ) -> [FolderTensor] {
        let size = configuration.headDimension
        let query = ZeroPadding.queryHeads(layer.own, in: layer.shape, size: size)
        let keyValue = ZeroPadding.keyValueHeads(layer.own, in: layer.shape, size: size)
        let neurons = ZeroPadding.neurons(layer.own.intermediateSize, of: layer.shape.intermediateSize)
        let hidden = ZeroPadding.whole(configuration.hiddenSize)
        var list: [FolderTensor] = []
        for linear in target.linears(layer: index) {
            let (rows, columns): (ZeroPadding, ZeroPadding) =
                switch linear.role {
                case .q: (query, hidden)
                case .k, .v: (keyValue, hidden)
                case .o: (hidden, query)
                case .gate, .up: (neurons, hidden)
                case .down: (hidden, neurons)
                }
            let shape = target.shape(of: linear, layer: index)
            func add(_ name: String, _ source: String, _ columns: ZeroPadding, _ shape: [Int]) {
                list.append(
                    layer.own.has(linear)
                        ? stored(source, as: name, rows, columns, shape) : constant(0, name, shape))
            }
            add(
                linear.weightName(layer: index), linear.weightName(layer: layer.source), columns,
                [shape.out, shape.in])
            if target.hasBias(linear, layer: index) {
                add(linear.biasName(layer: index), linear.biasName(layer: layer.source), .whole(1), [shape.out])
            }
        }
        for norm in target.norms(layer: index) {
            let (name, width) = (norm.weightName(layer: index), target.width(of: norm))
            list.append(
                layer.own.has(norm.place)
                    ? stored(norm.weightName(layer: layer.source), as: name, .whole(width), .whole(1), [width])
                    : constant(norm.gain == .weight ? 1 : 0, name, [width]))
        }
        return list
    }

    private func stored(
        _ source: String, as name: String, _ rows: ZeroPadding, _ columns: ZeroPadding, _ shape: [Int]
    ) -> FolderTensor {
        let type = checkpoint.tensor(source).map { types.type(of: $0) } ?? zeroType
        return FolderTensor(
            tensor: TensorDescription(name: name, shape: shape, type: written(type)),
            source: .padded(source, rows: rows, columns: columns))
    }

    private func constant(_ value: Float, _ name: String, _ shape: [Int]) -> FolderTensor {
        FolderTensor(tensor: TensorDescription(name: name, shape: shape, type: zeroType), source: .constant(value))
    }

    /// What most of the weights become.
    private var zeroType: StoredType {
        written(types.type(of: TensorDescription(name: "", shape: [], type: checkpoint.weightType)))
    }

    /// Eight bytes for a number are read as four.
    private func written(_ type: StoredType) -> StoredType { type == .f64 ? .f32 : type }
}
