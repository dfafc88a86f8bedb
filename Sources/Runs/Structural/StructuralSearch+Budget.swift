import Decoders
import Faults
import Recipes
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

    /// What can be told before any work: whether there is anything to remove, and enough of it.
    func check(_ measure: BudgetMeasure) throws(Fault) {
        for width in Set(configuration.layers.map(\.intermediateSize)) where width > 0 {
            guard width.isMultiple(of: structure.granularity) else {
                let divisors = (1...width).filter { width.isMultiple(of: $0) }
                let near = divisors.min { abs($0 - structure.granularity) < abs($1 - structure.granularity) } ?? 1
                throw Fault(
                    .usage, "the granularity does not divide the neurons of a layer", place: "--granularity",
                    found: "\(structure.granularity)", expected: "a divisor of \(width)", advice: "use \(near)")
            }
        }
        guard measure.budget == .bytes else { return }
        let dense = measure.total(configuration.layers)
        if measure.budget(dense: dense, removing: context.settings.sparsity.fraction) < 0 {
            throw tooMuch(least: 0, dense: dense, measure)
        }
    }

    func unreachable(
        _ pool: SearchSpace.Pool, least: Int, _ space: SearchSpace, _ measure: BudgetMeasure
    ) -> Fault {
        tooMuch(least: least, dense: pool.genes.reduce(0) { $0 + space.sizes[$1][0] }, measure)
    }

    private func tooMuch(least: Int, dense: Int, _ measure: BudgetMeasure) -> Fault {
        let most = 1 - Double(least + measure.fixed) / Double(max(1, dense + measure.fixed))
        return Fault(
            .usage, "the budget cannot be met", place: "--sparsity", found: context.settings.sparsity.text,
            expected: "at most \((most * 1e4).rounded(.down) / 1e4) of the \(structure.budget.text)",
            advice: measure.fixed > 0
                ? "embeddings stay: ask for less, or count --budget parameters" : "ask for less")
    }

    /// Bytes of a linear's weight and a norm's in the output, and of everything that no search removes.
    func writtenBytes() -> (weight: Int, norm: Int, fixed: Int) {
        let files = context.files
        func bytes(_ name: String) -> Int {
            context.decoder.checkpoint.tensor(name).map { files.description($0).type.bitCount / 8 } ?? 4
        }
        let weight = bytes(LinearName.down.weightName(layer: 0))
        let norm = bytes("model.layers.0.input_layernorm.weight")
        let fixed = files.tensors(part: 0).reduce(0) { $0 + files.description($1).byteCount }
        return (weight, norm, fixed)
    }

    // MARK: The remainder

    /// The shapes with what a distribution leaves of the budget given to the MLPs, granule by granule, the ones that lost
    /// most first; to all alike where layers are uniform.
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
