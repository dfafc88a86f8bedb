import Checkpoints
import Faults
import Torch

/// A model that holds no weights: it reads its parts from the checkpoint when asked and forgets them again.
public struct Decoder {
    public let checkpoint: Checkpoint
    public let configuration: DecoderConfiguration
    public let device: Device
    /// What a person should know of the configuration.
    public let notes: [String]

    /// - Throws: `Fault` when the configuration cannot be used or a tensor is missing or has another shape.
    public init(_ checkpoint: Checkpoint, device: Device = .cpu) throws(Fault) {
        let file = checkpoint.format == .gguf ? checkpoint.path : checkpoint.path + "/config.json"
        var notes: [String] = []
        let configuration = try DecoderConfiguration(checkpoint.configuration, file: file, notes: &notes)
        try self.init(checkpoint, configuration: configuration, notes: notes, device: device)
    }

    /// - Parameter configuration: of the checkpoint.
    /// - Throws: `Fault` when a tensor is missing or has another shape.
    init(
        _ checkpoint: Checkpoint, configuration: DecoderConfiguration, notes: [String] = [], device: Device = .cpu
    ) throws(Fault) {
        (self.checkpoint, self.configuration, self.notes, self.device) = (checkpoint, configuration, notes, device)
        try checkTensors()
    }

    /// The same model, its tensors read in another order.
    init(_ decoder: Decoder, checkpoint: Checkpoint) {
        self.checkpoint = checkpoint
        (configuration, device, notes) = (decoder.configuration, decoder.device, decoder.notes)
    }

    public static let embeddingName = "model.embed_tokens.weight"
    public static let finalNormName = "model.norm.weight"
    public static let headName = "lm_head.weight"

    /// Every tensor that the configuration calls for, with its shape.
    public var expectedTensors: [(name: String, shape: [Int])] { Decoder.expectedTensors(configuration) }

    public static func expectedTensors(_ c: DecoderConfiguration) -> [(name: String, shape: [Int])] {
        var list: [(name: String, shape: [Int])] = [
            (Decoder.embeddingName, [c.vocabularySize, c.hiddenSize]), (Decoder.finalNormName, [c.hiddenSize]),
        ]
        if !c.tiesWordEmbeddings { list.append((Decoder.headName, [c.vocabularySize, c.hiddenSize])) }
        for layer in 0..<c.layerCount {
            for linear in c.linears(layer: layer) {
                let shape = c.shape(of: linear, layer: layer)
                list.append((linear.weightName(layer: layer), [shape.out, shape.in]))
                if c.hasBias(linear, layer: layer) { list.append((linear.biasName(layer: layer), [shape.out])) }
            }
            if let experts = c.experts(layer: layer) {
                list.append((experts.routerName(layer: layer), [experts.count, c.hiddenSize]))
            }
            for norm in c.norms(layer: layer) { list.append((norm.weightName(layer: layer), [c.width(of: norm)])) }
        }
        return list
    }

    private func checkTensors() throws(Fault) {
        for (name, shape) in expectedTensors {
            let found = checkpoint.tensor(name)
            if let found, found.shape == shape, found.type.isFloatingPoint { continue }
            // A quantised or otherwise wrapped model has a cause of its own, which helps more than the tensor's name.
            if let cause = checkpoint.cause(ofUnusable: name) { throw cause }
            guard let found else {
                throw Fault(
                    .badData, "the checkpoint lacks a tensor that its configuration requires", file: checkpoint.path,
                    place: "tensor '\(name)'", found: "nothing", expected: "shape \(shape)",
                    advice: "compare config.json with the weights, or download the checkpoint again")
            }
            guard found.shape == shape else {
                throw Fault(
                    .badData, "a tensor does not have the shape that the configuration requires",
                    file: checkpoint.path, place: "tensor '\(name)'", found: "shape \(found.shape)",
                    expected: "shape \(shape)",
                    advice: "compare config.json with the weights, or download the checkpoint again")
            }
            throw Fault(
                .badData, "a weight is not stored as floating-point numbers", file: checkpoint.path,
                place: "tensor '\(name)'", found: found.type.rawValue, expected: "F32, F16, BF16 or F64",
                advice: "start from the original model")
        }
    }

    /// A tensor in float32 on this decoder's device.
    public func tensor(_ name: String) throws(Fault) -> Tensor {
        guard let description = checkpoint.tensor(name) else {
            throw Fault(.badData, "the checkpoint lacks a tensor", file: checkpoint.path, place: "tensor '\(name)'")
        }
        let tensor = Tensor.empty(description.shape)
        try tensor.withMutableBytes { (bytes) throws(Fault) in
            try checkpoint.read(name, into: bytes.bindMemory(to: Float.self))
        }
        return tensor.to(device)
    }

    /// Some rows of the embedding or the output matrix, [rows.count, hidden] float32, on this decoder's device.
    ///
    /// - Throws: `badData` for a tensor or rows that are not there, `inputOutput` when they cannot be read.
    func tensor(_ name: String, rows: Range<Int>) throws(Fault) -> Tensor {
        let tensor = Tensor.empty([rows.count, configuration.hiddenSize])
        try tensor.withMutableBytes { (bytes) throws(Fault) in
            try checkpoint.read(name, rows: rows, into: bytes.bindMemory(to: Float.self))
        }
        return tensor.to(device)
    }

    /// A block with float32 weights. What belongs to a sub-layer that is not there has no elements.
    public func block(_ layer: Int) throws(Fault) -> Block {
        let c = configuration
        let shape = c.layers[layer]
        var norms: [Norm.Place: Tensor] = [:]
        for norm in c.norms(layer: layer) {
            norms[norm.place] = norm.gain.factor(of: try tensor(norm.weightName(layer: layer)))
        }
        let blueprint = c.blueprint.layers[layer]
        var projections: [ProjectionName: Projection] = [:]
        for name in blueprint.projections { projections[name] = try projection(name, layer) }
        return Block(
            blueprint, norms: norms, projections: projections,
            router: try c.experts(layer: layer).map { (experts) throws(Fault) in
                try tensor(experts.routerName(layer: layer))
            },
            geometry: Block.Geometry(
                layer: layer, headCount: shape.headCount, keyValueHeadCount: shape.keyValueHeadCount,
                headDimension: c.headDimension, normEpsilon: c.normEpsilon))
    }

    private func projection(_ name: ProjectionName, _ layer: Int) throws(Fault) -> Projection {
        let shapes = name.linears.map { ($0, configuration.shape(of: $0, layer: layer)) }
        let isThere = configuration.has(name.linears[0], layer: layer)
        let rows = shapes.reduce(0) { $0 + $1.1.out }
        let columns = shapes[0].1.in
        let weight = Tensor.empty([rows, columns])
        // Each linear is read straight into its rows of the stack.
        try weight.withMutableBytes { (bytes) throws(Fault) in
            let floats = bytes.bindMemory(to: Float.self)
            var start = 0
            for (linear, shape) in shapes where isThere {
                let count = shape.out * shape.in
                try checkpoint.read(
                    linear.weightName(layer: layer),
                    into: UnsafeMutableBufferPointer(rebasing: floats[start..<start + count]))
                start += count
            }
        }
        var bias: Tensor?
        if isThere, shapes.contains(where: { configuration.hasBias($0.0, layer: layer) }) {
            var pieces: [Tensor] = []
            for (linear, shape) in shapes {
                pieces.append(
                    configuration.hasBias(linear, layer: layer)
                        ? try tensor(linear.biasName(layer: layer)) : Tensor.zeros([shape.out], device: device))
            }
            bias = Tensor.concatenated(pieces)
        }
        return Projection(
            weight: weight.to(device), bias: bias, parts: shapes.map { (name: $0.0, rows: $0.1.out) })
    }

    /// The embedding table [vocabulary, hidden] as it is stored, float32.
    public func embedding() throws(Fault) -> Tensor { try tensor(Decoder.embeddingName) }

    /// Rows of the embedding table that are read together at most.
    private static let embeddingRows = 4096
    /// Rows between two that are wanted which are read with them rather than skipped.
    private static let embeddingGap = 16

    /// Ranges that hold some rows, and few others.
    ///
    /// - Parameter rows: ascending, each once.
    static func parts(of rows: [Int]) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        for row in rows {
            if let last = parts.last, row - last.upperBound < embeddingGap, row - last.lowerBound < embeddingRows {
                parts[parts.count - 1] = last.lowerBound..<row + 1
            } else {
                parts.append(row..<row + 1)
            }
        }
        return parts
    }

    /// The embeddings [n, hidden] of some tokens as the first block takes them, float32. Only rows near one of
    /// them are read.
    ///
    /// - Parameter ids: below the vocabulary's size.
    /// - Throws: `inputOutput` when the table cannot be read.
    public func embedded(_ ids: [Int32]) throws(Fault) -> Tensor {
        try configuration.checkTokens(ids, file: checkpoint.path)
        let result = Tensor.empty([ids.count, configuration.hiddenSize], device: device)
        var places: [Int: [Int]] = [:]
        for (place, id) in ids.enumerated() { places[Int(id), default: []].append(place) }
        for rows in Decoder.parts(of: places.keys.sorted()) {
            let matrix = try tensor(Decoder.embeddingName, rows: rows)
            let wanted = rows.flatMap { places[$0] ?? [] }
            // A part at a time: the rows of a long text's tokens would be in memory twice.
            for start in stride(from: 0, to: wanted.count, by: Decoder.embeddingRows) {
                let places = wanted[start..<min(start + Decoder.embeddingRows, wanted.count)]
                let index = Tensor(places.map { Int64(ids[$0]) - Int64(rows.lowerBound) }, device: device)
                result.setRows(Tensor(places.map(Int64.init), device: device), to: matrix.selected(index))
            }
        }
        return configuration.blueprint.scaled(result)
    }

    /// The tensor that is the output matrix.
    var headWeightName: String { configuration.tiesWordEmbeddings ? Decoder.embeddingName : Decoder.headName }

    /// What turns the stream after the last block into logits.
    public func head(dtype: DType) throws(Fault) -> Head {
        Head(
            norm: try finalNorm(), weight: try tensor(headWeightName).to(dtype), epsilon: configuration.normEpsilon,
            softCap: configuration.blueprint.logitSoftCap)
    }

    /// What the normalised stream is multiplied by in front of the output matrix.
    func finalNorm() throws(Fault) -> Tensor {
        configuration.blueprint.finalNorm.factor(of: try tensor(Decoder.finalNormName))
    }

    /// Angles for the first `positions` positions.
    public func rotary(positions: Int) -> RotaryTable {
        RotaryTable(
            configuration.blueprint.layers.map(\.attention.rotary), headDimension: configuration.headDimension,
            positions: positions, device: device)
    }
}

extension Norm.Gain {
    /// What normalised values are multiplied by, of the weight as it is stored.
    func factor(of weight: Tensor) -> Tensor {
        switch self {
        case .weight: weight
        case .onePlusWeight: weight + 1
        }
    }
}

extension Norm.Gain {
    /// The weight as it is stored, of what normalised values are multiplied by.
    public func weight(of factor: Tensor) -> Tensor {
        switch self {
        case .weight: factor
        case .onePlusWeight: factor + -1
        }
    }
}

extension DecoderBlueprint {
    /// Embeddings, float32, as the first block takes them.
    func scaled(_ embeddings: Tensor) -> Tensor {
        embeddingScale == 1 ? embeddings : embeddings * embeddingScale
    }
}

extension Checkpoint {
    /// Opens MODEL as `open` does, and a folder that holds `config.json` without weights, too: its tensors are those
    /// that the configuration calls for, and cannot be read.
    ///
    /// - Throws: what `open` throws; `badData` for a configuration that cannot be used.
    public static func openOrDescribe(_ path: String) throws(Fault) -> Checkpoint {
        try open(path) { (json, file) throws(Fault) in
            Decoder.expectedTensors(try DecoderConfiguration(json, file: file))
        }
    }
}

/// The final norm and the output matrix.
public struct Head {
    /// What the normalised stream is multiplied by.
    public let norm: Tensor
    /// [vocabulary, hidden]
    public let weight: Tensor
    let epsilon: Double
    /// c in c · tanh(l / c), which the logits l go through.
    let softCap: Double?

    public init(norm: Tensor, weight: Tensor, epsilon: Double, softCap: Double? = nil) {
        self.norm = norm
        self.weight = weight
        self.epsilon = epsilon
        self.softCap = softCap
    }

    /// Stream [.., hidden] -> logits [.., vocabulary], float32.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let logits = normalised(x).linear(weight).to(.float32)
        return softCap.map(logits.softCapped) ?? logits
    }

    /// What is multiplied by the matrix, in its number type; gradients pass through it.
    public func normalised(_ x: Tensor) -> Tensor { x.rmsNorm(weight: norm, epsilon: epsilon, output: weight.dtype) }

    /// Logits [.., vocabulary] of a normalised stream [.., hidden], in the matrix's number type.
    public func logits(ofNormalised x: Tensor) -> Tensor {
        let logits = x.linear(weight)
        return softCap.map(logits.softCapped) ?? logits
    }

    /// What a gradient by logits is multiplied by to be one by the products that their soft cap took: 1 − (l / c)²; nil
    /// without a soft cap.
    public func softCapSlope(_ logits: Tensor) -> Tensor? {
        softCap.map { cap in
            let share = logits * (1 / cap)
            return (share * share) * -1 + 1
        }
    }

    /// The same with another matrix.
    public func with(weight: Tensor) -> Head {
        Head(norm: norm, weight: weight, epsilon: epsilon, softCap: softCap)
    }
}
