import Decoders
import Faults
import Pruning
import Torch

/// OWL (arXiv 2310.05175): layers with more outliers lose fewer weights.
///
/// A weight is an outlier when its Wanda score exceeds `threshold` times its linear's mean score. Sparsities lie within
/// ± `spread` of the target in proportion to the layers' outlier ratios, and their mean over the weights is the target.
/// The dense model is walked once for it.
struct OutlierAllocation {
    static let threshold = 5.0
    static let spread = 0.08

    private let context: PruneContext
    private let events: EventHandler

    init(_ context: PruneContext, events: @escaping EventHandler) {
        self.context = context
        self.events = events
    }

    func fractions() throws(Fault) -> [Double] {
        events(.note("measuring the outliers of every layer for the allocation"))
        let ratios = try outlierRatios()
        let target = context.settings.sparsity.fraction
        let weights = context.targets.goals.enumerated().map { layer, goals in
            goals.keys.reduce(0) { sum, linear in
                let shape = context.decoder.configuration.shape(of: linear, layer: layer)
                return sum + shape.out * shape.in
            }
        }
        let fractions = OutlierAllocation.spread(ratios, weights: weights, target: target)
        guard fractions.allSatisfy({ $0 >= 0 && $0 < 1 }) else {
            throw Fault(
                .usage, "the allocation leaves the range of sparsities",
                found: "\(target) ± \(OutlierAllocation.spread)",
                expected: "all layers at least 0 and below 1", advice: "use --allocate uniform")
        }
        return fractions
    }

    /// Outlier ratios to sparsities: the ratios' distances from their mean over the weights, inverted, and scaled so
    /// that the furthest layer is `spread` from the target. Layers without weights to prune count for nothing.
    static func spread(_ ratios: [Double], weights: [Int], target: Double) -> [Double] {
        let total = Double(weights.reduce(0, +))
        let mean = zip(ratios, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / max(1, total)
        let distances = zip(ratios, weights).map { $1 > 0 ? $0 - mean : 0 }
        let furthest = distances.map(\.magnitude).max() ?? 0
        return distances.map { furthest > 0 ? target - $0 / furthest * spread : target }
    }

    private func outlierRatios() throws(Fault) -> [Double] {
        let tokens = try context.requireTokens()
        let configuration = context.decoder.configuration
        let lane = try context.run.embeddedLane(tokens)
        var ratios: [Double] = []
        try context.run.passage.forward { (step) throws(Fault) in
            let (layer, block) = (step.layer, step.block)
            var statistics = InputStatistics(block: block, device: context.decoder.device)
            try step.advance(lane, observer: { statistics.add($0, $1) })
            try statistics.finish(step.ranks)
            var outliers = 0.0
            var count = 0.0
            for name in block.projections {
                for (linear, rows) in block[name].rows(of: block[name].weight)
                where context.targets.goals[layer][linear] != nil {
                    let scores = Scores.wanda(rows, squares: statistics.squares(name))
                    outliers += scores.isGreater(than: OutlierAllocation.threshold * scores.mean().scalar).sum().scalar
                    count += Double(scores.count)
                }
            }
            ratios.append(count > 0 ? outliers / count : 0)
            events(
                .progress(
                    block: layer, blocks: configuration.layerCount,
                    fraction: Double(layer + 1) / Double(configuration.layerCount)))
        }
        return ratios
    }
}
