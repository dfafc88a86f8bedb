import Checkpoints
import Decoders
import Faults
import Torch

/// The parts in which a run commits its weights: one file for each block, and one for all that is outside of blocks.
package struct BlockFiles {
    package let checkpoint: Checkpoint
    /// Of what is written: the source's, or with fewer heads and neurons.
    package let configuration: DecoderConfiguration
    package let types: OutputTypes
    /// Shapes of the source's and of the written tensors, where they differ.
    private let shapes: (source: [String: [Int]], written: [String: [Int]])?

    package init(
        checkpoint: Checkpoint, configuration: DecoderConfiguration, types: OutputTypes,
        compact: DecoderConfiguration? = nil
    ) {
        self.checkpoint = checkpoint
        self.configuration = compact ?? configuration
        self.types = types
        func table(_ configuration: DecoderConfiguration) -> [String: [Int]] {
            Dictionary(Decoder.expectedTensors(configuration).map { ($0.name, $0.shape) }) { first, _ in first }
        }
        shapes = compact.map { (table(configuration), table($0)) }
    }

    /// Whether heads and neurons of the source are gone.
    var isCompact: Bool { shapes != nil }

    /// Part 0 holds what is outside of the blocks, part i + 1 block i.
    static func name(part: Int) -> String {
        let digits = String(part)
        return "part-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".safetensors"
    }

    /// The source's tensors that belong into a part, in the source's order, as large as they are written.
    package func tensors(part: Int) -> [TensorDescription] {
        checkpoint.tensors.filter { self.part(of: $0.name) == part }
            // A tied output matrix is the embedding: it is not written a second time.
            .filter { !(configuration.tiesWordEmbeddings && $0.name == Decoder.headName) }
            .compactMap { tensor in
                guard let shapes, shapes.source[tensor.name] != nil else { return tensor }
                return shapes.written[tensor.name].map {
                    TensorDescription(name: tensor.name, shape: $0, type: tensor.type, encoding: tensor.encoding)
                }
            }
    }

    private func part(of name: String) -> Int {
        let prefix = "model.layers."
        guard name.hasPrefix(prefix), let layer = Int(name.dropFirst(prefix.count).prefix { $0 != "." }),
            layer < configuration.layerCount
        else { return 0 }
        return layer + 1
    }

    /// What a tensor is written as.
    package func description(_ tensor: TensorDescription) -> TensorDescription {
        TensorDescription(name: tensor.name, shape: tensor.shape, type: types.type(of: tensor))
    }

    /// A source tensor in the form in which it is written: as stored where the type stays, else converted.
    func converted(_ tensor: TensorDescription) throws(Fault) -> (tensor: TensorDescription, bytes: [UInt8]) {
        if types.type(of: tensor) == tensor.type {
            return (description(tensor), try checkpoint.storedBytes(tensor.name))
        }
        return try encoded(tensor) { (rows) throws(Fault) in
            let floats = Tensor.empty(rows.map { [$0.count] + tensor.shape.dropFirst() } ?? tensor.shape)
            try floats.withMutableBytes { (bytes) throws(Fault) in
                let target = bytes.bindMemory(to: Float.self)
                if let rows {
                    try checkpoint.read(tensor.name, rows: rows, into: target)
                } else {
                    try checkpoint.read(tensor.name, into: target)
                }
            }
            return floats
        }
    }

    /// Float32 values in the form in which a tensor is written; float32 itself where the type cannot hold one of them.
    func encoded(
        _ values: Tensor, as tensor: TensorDescription
    ) throws(Fault) -> (tensor: TensorDescription, bytes: [UInt8]) {
        try encoded(tensor) { (rows) throws(Fault) in
            rows.map { values.narrowed(0, $0.lowerBound, $0.count) } ?? values
        }
    }

    /// - Parameter values: float32, of some rows of the tensor, or all of it.
    private func encoded(
        _ tensor: TensorDescription, _ values: (Range<Int>?) throws(Fault) -> Tensor
    ) throws(Fault) -> (tensor: TensorDescription, bytes: [UInt8]) {
        let target = types.type(of: tensor)
        func whole(_ type: StoredType) throws(Fault) -> (tensor: TensorDescription, bytes: [UInt8]) {
            let cast = BlockFiles.cast(try values(nil), to: type)
            return (TensorDescription(name: tensor.name, shape: tensor.shape, type: cast.type), cast.values.bytes())
        }
        guard tensor.shape.count == 2, tensor.count > BlockFiles.castAtOnce else { return try whole(target) }
        // An embedding is as large as many blocks: it is read and converted in parts.
        let size = max(1, BlockFiles.castAtOnce / max(1, tensor.shape[1]))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tensor.count * target.bitCount / 8)
        for start in stride(from: 0, to: tensor.shape[0], by: size) {
            let cast = BlockFiles.cast(try values(start..<min(start + size, tensor.shape[0])), to: target)
            guard cast.type == target || target == .f32 else { return try whole(.f32) }
            bytes += cast.values.bytes()
        }
        return (TensorDescription(name: tensor.name, shape: tensor.shape, type: target), bytes)
    }

    /// Elements of a part of a large tensor.
    static let castAtOnce = 1 << 20

    static func cast(_ values: Tensor, to type: StoredType) -> (values: Tensor, type: StoredType) {
        let dtype: DType =
            switch type {
            case .f16: .float16
            case .bf16: .bfloat16
            case .f64: .float64
            default: .float32
            }
        let narrow = values.to(.cpu).to(dtype).contiguous()
        if dtype == .float16, values.allFinite(), !narrow.allFinite() {
            return (values.to(.cpu).contiguous(), .f32)
        }
        return (narrow, dtype == .float32 ? .f32 : type)
    }

    /// The block's tensors as they are written: pruned weights from `block`, everything else from the source.
    func contents(of block: Block, pruned: Set<LinearName>) throws(Fault) -> [(
        tensor: TensorDescription, bytes: [UInt8]
    )] {
        let layer = block.geometry.layer
        var weights: [String: LinearName] = [:]
        var biases: [String: LinearName] = [:]
        for name in pruned {
            weights[name.weightName(layer: layer)] = name
            // Whole units take their biases with them.
            if shapes != nil { biases[name.biasName(layer: layer)] = name }
        }
        var list: [(tensor: TensorDescription, bytes: [UInt8])] = []
        for tensor in tensors(part: layer + 1) {
            if let name = weights[tensor.name] {
                list.append(try encoded(block.weight(name), as: tensor))
            } else if let name = biases[tensor.name], let bias = block.bias(name) {
                list.append(try encoded(bias, as: tensor))
            } else {
                list.append(try converted(tensor))
            }
        }
        return list
    }

    /// A layer's tensors as they are written: those that have new values, float32, and everything else from the source.
    ///
    /// A value that is not zero stays so where the type that is written has none as small: zeros are what was pruned.
    func contents(
        layer: Int, replacing values: [String: Tensor]
    ) throws(Fault) -> [(tensor: TensorDescription, bytes: [UInt8])] {
        var list: [(tensor: TensorDescription, bytes: [UInt8])] = []
        for tensor in tensors(part: layer + 1) {
            if let new = values[tensor.name] {
                let isShort = types.type(of: tensor) == .f16
                list.append(try encoded(isShort ? BlockFiles.keepingSmall(new) : new, as: tensor))
            } else {
                list.append(try converted(tensor))
            }
        }
        return list
    }

    /// Values that float16 would round to zero as its smallest.
    static func keepingSmall(_ values: Tensor) -> Tensor {
        let smallest = 0x1p-24
        func raised(_ values: Tensor, _ limit: Double) -> Tensor {
            Tensor.choose(
                (values * (1 / limit)).isGreater(than: 0),
                Tensor.choose(
                    (values * (1 / limit)).isGreater(than: 1), values,
                    Tensor.full(values.shape, limit, device: values.device)), values)
        }
        return raised(raised(values, smallest), -smallest)
    }

    /// The block with every weight as a reader of the written file will see it, float32.
    package func asWritten(_ block: Block) -> Block {
        var copy = block
        for projection in block.projections {
            let parts = block[projection].rows(of: block[projection].weight).map { name, rows in
                let source = checkpoint.tensor(name.weightName(layer: block.geometry.layer))
                return BlockFiles.cast(rows, to: source.map(types.type) ?? .f32).values.to(.float32)
            }
            copy[projection] = block[projection].with(
                weight: Tensor.concatenated(parts).to(block[projection].weight.device))
        }
        return copy
    }

    /// A committed block with fewer heads and neurons than the source's, as written.
    func committed(_ dense: Block, file path: String) throws(Fault) -> Block {
        let file = try SafetensorsFile(path)
        let layer = dense.geometry.layer
        let shape = configuration.layers[layer]
        func tensor(_ name: String) throws(Fault) -> Tensor {
            guard let tensor = file.tensor(name), let dtype = DType(tensor.type) else {
                throw Fault(
                    .badData, "a committed part of the run lacks a weight", file: path, place: "tensor '\(name)'",
                    advice: "start the run again with --overwrite")
            }
            let values = Tensor.empty(tensor.shape, dtype)
            try values.withMutableBytes { (bytes) throws(Fault) in try file.read(name, into: bytes) }
            return values.to(.float32)
        }
        func projection(_ name: ProjectionName) throws(Fault) -> Projection {
            let parts = name.linears.map { (name: $0, rows: configuration.shape(of: $0, layer: layer).out) }
            let device = dense[name].weight.device
            guard configuration.has(name.linears[0], layer: layer) else {
                let columns = configuration.shape(of: name.linears[0], layer: layer).in
                return Projection(
                    weight: Tensor.zeros([parts.reduce(0) { $0 + $1.rows }, columns], device: device), bias: nil,
                    parts: parts)
            }
            var (weights, biases): ([Tensor], [Tensor]) = ([], [])
            for part in parts {
                weights.append(try tensor(part.name.weightName(layer: layer)))
                if dense[name].bias != nil {
                    biases.append(
                        configuration.hasBias(part.name, layer: layer)
                            ? try tensor(part.name.biasName(layer: layer)) : Tensor.zeros([part.rows]))
                }
            }
            return Projection(
                weight: Tensor.concatenated(weights).to(device),
                bias: biases.isEmpty ? nil : Tensor.concatenated(biases).to(device), parts: parts)
        }
        var copy = dense
        for name in dense.projections { copy[name] = try projection(name) }
        (copy.geometry.headCount, copy.geometry.keyValueHeadCount) = (shape.headCount, shape.keyValueHeadCount)
        copy.dropNormsOfNothing()
        return copy
    }

    /// A block whose pruned weights come from a committed file; the rest is the source's, as written.
    func committed(_ dense: Block, file path: String, pruned: Set<LinearName>) throws(Fault) -> Block {
        let file = try SafetensorsFile(path)
        var copy = asWritten(dense)
        for projection in dense.projections {
            var parts: [Tensor] = []
            for (name, rows) in copy[projection].rows(of: copy[projection].weight) {
                let weightName = name.weightName(layer: dense.geometry.layer)
                guard pruned.contains(name) else {
                    parts.append(rows)
                    continue
                }
                guard let tensor = file.tensor(weightName), tensor.shape == rows.shape, let dtype = DType(tensor.type)
                else {
                    throw Fault(
                        .badData, "a committed part of the run lacks a weight", file: path,
                        place: "tensor '\(weightName)'", advice: "start the run again with --overwrite")
                }
                let values = Tensor.empty(tensor.shape, dtype)
                try values.withMutableBytes { (bytes) throws(Fault) in try file.read(weightName, into: bytes) }
                parts.append(values.to(.float32))
            }
            copy[projection] = copy[projection].with(
                weight: Tensor.concatenated(parts).to(dense[projection].weight.device))
        }
        return copy
    }
}

extension DType {
    /// The tensor type of stored floating-point numbers.
    package init?(_ type: StoredType) {
        switch type {
        case .f32: self = .float32
        case .f16: self = .float16
        case .bf16: self = .bfloat16
        case .f64: self = .float64
        default: return nil
        }
    }
}
