import Decoders
import Faults
import Recipes

/// Which layers an exported folder gets for those of a model, and with how many heads and neurons.
///
/// What a layer has more than in the model is zeros, which add nothing to the residual: a query head whose columns of
/// the output projection are zero, a neuron whose column of the down projection is.
struct FolderLayers: Equatable {
    struct Layer: Equatable {
        /// The model's layer.
        var source: Int
        /// What it has in the model.
        var own: LayerShape
        /// What it has in the folder.
        var shape: LayerShape
        var isPadded: Bool { own != shape }
    }

    var layers: [Layer]
    /// The model's layers with neither half, which are left out.
    var dropped: [Int]
    /// Query heads that the folder's configuration tells for all layers.
    var headCount: Int

    /// Neurons of an MLP of zeros.
    static let sliver = 8

    /// - Parameters:
    ///   - toldHeads: query heads that the model's own configuration tells: none of its layers has more.
    ///   - file: for messages.
    /// - Throws: `badData` for a model without any layer that computes.
    init(
        _ layout: ServingLayout, _ configuration: DecoderConfiguration, toldHeads: Int, file: String
    ) throws(Fault) {
        // Where a layer's number means more than its place, it stays.
        let areAlike = Set(configuration.blueprint.layers).count <= 1
        let all = configuration.layers.enumerated().map { Layer(source: $0.offset, own: $0.element, shape: $0.element) }
        layers = all.filter { !areAlike || $0.own.hasAttention || $0.own.hasMLP }
        dropped = areAlike ? all.filter { !$0.own.hasAttention && !$0.own.hasMLP }.map(\.source) : []
        headCount = toldHeads
        guard !layers.isEmpty else {
            throw Fault(
                .badData, "no layer is left of the model", file: file, found: "0 layers",
                expected: "one layer at least")
        }
        let shapes = layers.map(\.own)
        switch layout {
        case .padded:
            let heads = FolderLayers.common(shapes, hidden: configuration.hiddenSize, most: toldHeads)
            let width = shapes.map(\.intermediateSize).max() ?? 0
            for index in layers.indices {
                layers[index].shape = LayerShape(
                    headCount: heads.query, keyValueHeadCount: heads.keyValue,
                    intermediateSize: width > 0 ? width : FolderLayers.sliver)
            }
            headCount = heads.query
        case .deci:
            headCount = FolderLayers.deciHeads(shapes, configuration, most: toldHeads)
            for index in layers.indices {
                let own = layers[index].own
                // vLLM does not open a folder whose first layer has no attention.
                let groups =
                    own.hasAttention || index == 0
                    ? FolderLayers.groups(for: own, heads: headCount) ?? headCount : 0
                layers[index].shape.headCount = groups > 0 ? headCount : 0
                layers[index].shape.keyValueHeadCount = groups
            }
        case .transformers:
            for index in layers.indices {
                // Caches and masks of transformers count on attention in every layer.
                if !layers[index].own.hasAttention {
                    (layers[index].shape.headCount, layers[index].shape.keyValueHeadCount) = (1, 1)
                }
                if !layers[index].own.hasMLP { layers[index].shape.intermediateSize = FolderLayers.sliver }
            }
        case .plain, .gguf: break
        }
    }

    /// The model with the folder's layers.
    func configuration(_ configuration: DecoderConfiguration) -> DecoderConfiguration {
        var copy = configuration.with(layers: layers.map(\.shape))
        copy.blueprint.layers = layers.map { configuration.blueprint.layers[$0.source] }
        return copy
    }

    /// Query heads of each key-value head.
    private static func groupSize(_ shape: LayerShape) -> Int {
        shape.hasAttention ? shape.headCount / shape.keyValueHeadCount : 1
    }

    /// Key-value heads with which a layer of so many query heads can hold another: as many at the least, each with as
    /// many query heads; nil where there are none.
    static func groups(for shape: LayerShape, heads: Int) -> Int? {
        let (size, least) = (groupSize(shape), max(1, shape.keyValueHeadCount))
        guard least <= heads else { return nil }
        return (least...heads).first { heads % $0 == 0 && heads / $0 >= size }
    }

    /// The fewest heads that every layer fits into. Among them those that divide the hidden size come first: readers of
    /// some families refuse others, though they take the size of a head from its own key.
    private static func common(_ shapes: [LayerShape], hidden: Int, most: Int) -> (query: Int, keyValue: Int) {
        let groups = max(1, shapes.map(\.keyValueHeadCount).max() ?? 1)
        let size = shapes.map(groupSize).max() ?? 1
        if Set(shapes).count == 1, shapes[0].hasAttention { return (shapes[0].headCount, shapes[0].keyValueHeadCount) }
        let asked = LayerShape(headCount: groups * size, keyValueHeadCount: groups, intermediateSize: 0)
        for heads in groups * size...max(groups * size, most) where hidden % heads == 0 {
            if let found = FolderLayers.groups(for: asked, heads: heads) { return (heads, found) }
        }
        return (groups * size, groups)
    }

    /// Query heads of all layers of a "deci" folder: as many as fill the hidden size, which is what mlx-lm counts on,
    /// where all layers fit; else the fewest.
    private static func deciHeads(_ shapes: [LayerShape], _ configuration: DecoderConfiguration, most: Int) -> Int {
        let (hidden, size) = (configuration.hiddenSize, configuration.headDimension)
        func fit(_ heads: Int) -> Bool { shapes.allSatisfy { groups(for: $0, heads: heads) != nil } }
        if hidden % size == 0, hidden / size > 0, fit(hidden / size) { return hidden / size }
        let least = max(1, shapes.map(\.headCount).max() ?? 1)
        let enough = max(least, most, common(shapes, hidden: hidden, most: most).query)
        let fitting = (least...enough).filter(fit)
        return fitting.first { hidden % $0 == 0 } ?? fitting.first ?? enough
    }
}
