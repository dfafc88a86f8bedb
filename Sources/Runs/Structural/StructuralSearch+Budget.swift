import Decoders
import Faults
import Structure
import Torch

/// What a search may spend, what it cannot, and what it leaves.
extension StructuralSearch {
    private var granularity: Int { structure.granularity(for: configuration) }

    func measureLatency(_ kept: [[KeptUnits]], _ measure: inout BudgetMeasure) throws(Fault) {
        let parts = Set(kept.joined().map(\.shape))
        guard measure.budget == .latency, !(measure.latency?.covers(parts) ?? false) else { return }
        events(.note("measuring the latency of \(parts.count) shapes"))
        let layer = configuration.layers.indices.max {
            configuration.weightCount(layer: $0) < configuration.weightCount(layer: $1)
        }
        let block = try context.decoder.block(layer ?? 0).to(context.compute)
        let table = LatencyTable.measure(
            parts, block: block, rotary: context.decoder.rotary(positions: LatencyTable.tokens))
        try journal.append(table.line)
        measure.latency = table
    }

    func pools(dense: [Int], measure: BudgetMeasure) -> [SearchSpace.Pool] {
        let genes = Array(dense.indices)
        let parts = structure.separatesBudgets ? [genes.filter { $0 % 2 == 0 }, genes.filter { $0 % 2 == 1 }] : [genes]
        return parts.map { genes in
            SearchSpace.Pool(
                genes: genes,
                budget: measure.budget(
                    dense: genes.reduce(0) { $0 + dense[$1] }, removing: context.settings.sparsity.fraction))
        }
    }

    func unreachable(
        _ pool: SearchSpace.Pool, least: Int, _ space: SearchSpace, _ measure: BudgetMeasure
    ) -> Fault {
        context.settings.tooMuch(
            least: least, dense: pool.genes.reduce(0) { $0 + space.sizes[$1][0] }, measure)
    }

    // MARK: The remainder

    /// The shapes with what a distribution leaves of the budget given to the MLPs, granule by granule, the ones that
    /// lost most first; to all alike where layers are uniform.
    func filled(
        _ shapes: [LayerShape], pools: [SearchSpace.Pool], measure: BudgetMeasure
    ) throws(Fault) -> [LayerShape] {
        guard measure.isFilledWithNeurons else { return shapes }
        var shapes = shapes
        let kinds: [SubLayer.Kind] = structure.separatesBudgets ? [.mlp] : SubLayer.Kind.allCases
        var room = pools[pools.count - 1].budget
        for shape in shapes { for kind in kinds { room -= measure.size(shape.part(kind)) } }
        if structure.isUniform {
            while let wider = widenedAlike(shapes) {
                let cost = measure.total(wider) - measure.total(shapes)
                guard cost <= room else { break }
                (shapes, room) = (wider, room - cost)
            }
            return shapes
        }
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            let order = shapes.indices.filter { shapes[$0].hasMLP }.sorted {
                (shapes[$0].intermediateSize, $0) < (shapes[$1].intermediateSize, $1)
            }
            for layer in order {
                let left = configuration.layers[layer].intermediateSize - shapes[layer].intermediateSize
                guard left > 0 else { continue }
                var next = shapes[layer]
                next.intermediateSize += min(granularity, left)
                let cost = measure.size(next.mlp) - measure.size(shapes[layer].mlp)
                guard cost <= room else { continue }
                (shapes[layer], room, isGrowing) = (next, room - cost, true)
            }
        }
        return shapes
    }

    /// All layers a granule wider, or nil where one is whole.
    private func widenedAlike(_ shapes: [LayerShape]) -> [LayerShape]? {
        let most = configuration.layers.map(\.intermediateSize).min() ?? 0
        guard shapes.allSatisfy({ $0.hasMLP && $0.intermediateSize + granularity <= most }) else {
            return nil
        }
        return shapes.map { shape in
            var wider = shape
            wider.intermediateSize += granularity
            return wider
        }
    }
}
