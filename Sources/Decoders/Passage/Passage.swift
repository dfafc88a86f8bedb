import Faults
import Torch

/// The way through a model's blocks: the only loop over its layers.
///
/// A passage brings one block after another; a visitor says what goes through it. Lanes of hidden states move when the
/// visitor advances them, through the dense block or through one that it puts in the dense one's place.
public struct Passage {
    public let source: BlockSource
    /// The number type of the matrix products.
    public let compute: DType
    /// Who else takes samples through the blocks.
    public let ranks: Ranks

    /// - Parameter source: blocks in float32, or in `compute` where nobody needs more.
    public init(_ source: BlockSource, compute: DType, ranks: Ranks = .alone) {
        self.source = source
        self.compute = compute
        self.ranks = ranks
    }

    public init(_ decoder: Decoder, compute: DType, ranks: Ranks = .alone) {
        self.init(BlockSource(decoder), compute: compute, ranks: ranks)
    }

    public var layerCount: Int { source.layerCount }

    /// Visits blocks from the first to the last.
    ///
    /// - Parameter layers: nil is all.
    /// - Throws: `inputOutput` when weights cannot be read; what `visit` throws.
    public func forward(_ layers: Range<Int>? = nil, visit: (PassageStep) throws(Fault) -> Void) throws(Fault) {
        try visitAll(Array(layers ?? 0..<layerCount), visit)
    }

    /// Visits blocks from the last to the first.
    ///
    /// - Throws: `inputOutput` when weights cannot be read; what `visit` throws.
    public func backward(visit: (PassageStep) throws(Fault) -> Void) throws(Fault) {
        try visitAll((0..<layerCount).reversed(), visit)
    }

    private func visitAll(_ layers: [Int], _ visit: (PassageStep) throws(Fault) -> Void) throws(Fault) {
        for (index, layer) in layers.enumerated() {
            let next = index + 1 < layers.count ? layers[index + 1] : nil
            try visit(
                PassageStep(
                    layer: layer, block: try source.block(layer, next: next), compute: compute, ranks: ranks))
        }
    }
}

/// A block under visit.
public struct PassageStep {
    public let layer: Int
    /// The dense block, in its source's number type.
    public let block: Block
    public let compute: DType
    public let ranks: Ranks

    /// Moves a lane through a block, without gradients.
    ///
    /// - Parameters:
    ///   - replacement: what stands in the dense block's place.
    ///   - observer: sees the projections' inputs.
    ///   - progress: told the number of a batch that is through.
    public func advance(
        _ lane: some Lane, through replacement: Block? = nil, observer: Block.Observer? = nil,
        progress: (Int) -> Void = { _ in }
    ) throws(Fault) {
        let working = (replacement ?? block).to(compute)
        for batch in 0..<lane.batchCount {
            let x = try lane.states(batch)
            let place = lane.positions(batch)
            let output = Engine.withoutGradient {
                working(x, rotary: place.rotary, cache: place.cache, tree: place.tree, observer: observer)
            }
            try lane.replace(batch, output)
            progress(batch)
        }
    }
}
