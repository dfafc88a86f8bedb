import Decoders
import Faults
import Torch

/// What a machine's speed is measured on: the model's heaviest block, or where the model has no weights one of random
/// numbers, as wide as the model's or narrower.
struct PlanSpecimen {
    /// Random weights of a block, or of an output matrix, at most: enough for the machine's full speed, few enough for
    /// a machine that could not hold the model's own.
    static let weightsAtMost = 1 << 25

    /// Whose layer the block is: the model's, or that of a model of one layer.
    let configuration: DecoderConfiguration
    let layer: Int
    let block: Block
    /// Seconds in which the block was read.
    let load: Double
    /// Whether the block has not the shape of the model's.
    let isNarrower: Bool
    private let decoder: Decoder
    private let weightsAtMost: Int

    /// - Throws: `Fault` when the block's weights are there and cannot be read.
    init(_ subject: PlanSubject, weightsAtMost: Int) throws(Fault) {
        decoder = subject.decoder
        self.weightsAtMost = weightsAtMost
        guard !decoder.checkpoint.hasWeights else {
            (configuration, layer, isNarrower) = (decoder.configuration, subject.measuredLayer, false)
            let start = WorkClock()
            block = try decoder.block(layer)
            load = start.elapsed
            return
        }
        layer = 0
        configuration = decoder.configuration.narrowed(layer: subject.measuredLayer, weightsAtMost: weightsAtMost)
        isNarrower = configuration.weightCount(layer: 0) < subject.blockWeights
        block = Block.random(configuration, device: decoder.device)
        // As from a file that the system holds in memory.
        var seconds = 0.0
        for name in block.projections {
            let stored = block[name].weight.to(DType(decoder.checkpoint.weightType) ?? .float32)
            seconds += WorkClock.seconds { _ = stored.dtype == .float32 ? stored.clone() : stored.to(.float32) }
        }
        load = seconds
    }

    /// An output matrix for as many tokens of the vocabulary as it has rows.
    func head(dtype: DType) throws(Fault) -> Head {
        guard !decoder.checkpoint.hasWeights else { return try decoder.head(dtype: dtype) }
        let c = decoder.configuration
        let rows = min(c.vocabularySize, max(1, weightsAtMost / c.hiddenSize))
        return Head(
            norm: Tensor.full([c.hiddenSize], 1, device: decoder.device),
            weight: Tensor.unordered([rows, c.hiddenSize]).to(decoder.device).to(dtype), epsilon: c.normEpsilon,
            softCap: c.blueprint.logitSoftCap)
    }

    /// The specimen in a plan's assumptions.
    var words: String {
        guard !decoder.checkpoint.hasWeights else { return "block \(layer)" }
        guard isNarrower else { return "a block of random weights" }
        let shape = configuration.layers[0]
        return "a narrower block of random weights (hidden size \(configuration.hiddenSize), \(shape.headCount) heads, "
            + "MLP width \(shape.intermediateSize)), each kind of work scaled by its operations,"
    }
}

extension DecoderConfiguration {
    /// A model of one layer: the hidden size, the heads and the MLP of another's layer, divided by the smallest number
    /// with which the linears have at most so many weights. Two key-value heads stay where there are several: one alone
    /// is pruned in another way.
    func narrowed(layer: Int, weightsAtMost limit: Int) -> DecoderConfiguration {
        let shape = layers[layer]
        let group = shape.headCount / max(1, shape.keyValueHeadCount)
        var copy = with(layers: [shape])
        copy.blueprint.layers = [blueprint.layers[layer]]
        // Multiples of what vector units and groups of a K:M pattern like.
        func part(_ size: Int, _ divisor: Int) -> Int { max(min(size, 64), size / divisor / 64 * 64) }
        var divisor = 1
        while copy.weightCount(layer: 0) > limit, divisor < max(hiddenSize, shape.intermediateSize, shape.headCount) {
            divisor += 1
            let groups = max(min(2, shape.keyValueHeadCount), shape.keyValueHeadCount / divisor)
            let left = min(group, max(1, shape.headCount / divisor / max(1, groups)))
            copy.hiddenSize = part(hiddenSize, divisor)
            copy.layers = [
                LayerShape(
                    headCount: groups * left, keyValueHeadCount: groups,
                    intermediateSize: part(shape.intermediateSize, divisor))
            ]
        }
        return copy
    }
}

extension Block {
    /// A block of the shape of a configuration's first layer, about as large in its numbers as a model's.
    fileprivate static func random(_ c: DecoderConfiguration, device: Device) -> Block {
        func projection(_ name: ProjectionName) -> Projection {
            let shapes = name.linears.map { (name: $0, shape: c.shape(of: $0, layer: 0)) }
            let (rows, columns) = (shapes.reduce(0) { $0 + $1.shape.out }, shapes[0].shape.in)
            let weight = Tensor.unordered([rows, columns], scale: 1 / Float(max(1, columns)).squareRoot())
            let hasBias = rows > 0 && name.linears.contains { c.hasBias($0, layer: 0) }
            return Projection(
                weight: weight.to(device), bias: hasBias ? Tensor.zeros([rows], device: device) : nil,
                parts: shapes.map { (name: $0.name, rows: $0.shape.out) })
        }
        let (shape, blueprint) = (c.layers[0], c.blueprint.layers[0])
        let norms = c.norms(layer: 0).map { ($0.place, Tensor.full([c.width(of: $0)], 1, device: device)) }
        return Block(
            blueprint, norms: Dictionary(norms) { first, _ in first },
            projections: Dictionary(blueprint.projections.map { ($0, projection($0)) }) { first, _ in first },
            geometry: Geometry(
                layer: 0, headCount: shape.headCount, keyValueHeadCount: shape.keyValueHeadCount,
                headDimension: c.headDimension, normEpsilon: c.normEpsilon))
    }
}

extension Tensor {
    /// Numbers without order between -½ and ½, times a scale.
    static func unordered(_ shape: [Int], scale: Float = 1) -> Tensor {
        let tensor = Tensor.empty(shape)
        tensor.withMutableBytes { bytes in
            let floats = bytes.bindMemory(to: Float.self)
            for index in floats.indices {
                let bits = (UInt32(truncatingIfNeeded: index) &* 2_654_435_761) >> 8
                floats[index] = (Float(bits) * 0x1p-24 - 0.5) * scale
            }
        }
        return tensor
    }
}
