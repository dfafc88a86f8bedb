import Decoders
import Faults
import Recipes

/// What a structural run refuses before any work, and a plan with it.
extension PruneSettings {
    /// - Throws: `usage` when nothing can be removed as asked for, or not enough of it.
    package func checkStructure(_ measure: BudgetMeasure) throws(Fault) {
        guard let structure else { return }
        let configuration = measure.configuration
        try structure.checkEngines(configuration)
        for width in Set(configuration.layers.map(\.intermediateSize)) where width > 0 {
            guard let granularity = structure.granularity, !width.isMultiple(of: granularity) else { continue }
            let divisors = (1...width).filter { width.isMultiple(of: $0) }
            let near = divisors.min { abs($0 - granularity) < abs($1 - granularity) } ?? 1
            throw Fault(
                .usage, "the granularity does not divide the neurons of a layer", place: "--granularity",
                found: "\(granularity)", expected: "a divisor of \(width)", advice: "use \(near)")
        }
        guard measure.budget == .bytes else { return }
        let dense = measure.total(configuration.layers)
        if measure.budget(dense: dense, removing: sparsity.fraction) < 0 {
            throw tooMuch(least: 0, dense: dense, measure)
        }
    }

    /// - Parameters:
    ///   - least: that stays of `dense` whatever is removed.
    func tooMuch(least: Int, dense: Int, _ measure: BudgetMeasure) -> Fault {
        let most = 1 - Double(least + measure.fixed) / Double(max(1, dense + measure.fixed))
        return Fault(
            .usage, "the budget cannot be met", place: "--sparsity", found: sparsity.text,
            expected: "at most \((most * 1e4).rounded(.down) / 1e4) of the \(measure.budget.text)",
            advice: measure.fixed > 0
                ? "embeddings are never removed: ask for less, or use --budget parameters" : "ask for less")
    }
}
