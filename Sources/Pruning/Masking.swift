import Decoders
import Faults
import Torch

extension BlockTask {
    func momentsNotInverted(_ name: ProjectionName) -> Fault {
        Fault(
            .badData, "the inputs' second moments cannot be inverted even with damping",
            place: "block \(layer), inputs of \(name.rawValue)",
            advice: "use more calibration text, or --method wanda")
    }
}

/// Finds a linear's mask and weights together.
typealias LinearSolver = (_ weight: Tensor, _ goal: Goal) throws(Fault) -> (weight: Tensor, mask: Tensor)

extension BlockOutcome {
    /// Masks every projection by a score of its weights, without changing what stays.
    init(pruning task: BlockTask, group: ComparisonGroup, score: (ProjectionName, Tensor) -> Tensor) {
        self.init(block: task.block, masks: [:])
        for name in task.block.projections where task.hasGoal(name) {
            let projection = task.block[name]
            let mask = projection.mask(scores: score(name, projection.weight), goals: task.goals, group: group)
            masks[name] = mask
            block[name] = projection.with(weight: projection.weight * mask)
        }
    }

    /// Solves every linear with a goal; the others stay.
    ///
    /// - Parameter solver: makes the solver of the linears that share an input, from the input's Gram matrix Σ x xᵀ.
    init(
        solving task: BlockTask, solver: (ProjectionName, Tensor) throws(Fault) -> LinearSolver
    ) throws(Fault) {
        var grams = try task.statistics(of: task.block, gram: true).grams
        self.init(block: task.block, masks: [:])
        var masked = task.block
        for name in task.block.projections where task.hasGoal(name) {
            // Each is gone when its linears are solved.
            guard
                let solve = try grams.removeValue(forKey: name).map({ (gram) throws(Fault) in try solver(name, gram) })
            else { continue }
            let projection = task.block[name]
            var solved: [(weight: Tensor, mask: Tensor)] = []
            for (linear, weight) in projection.rows(of: projection.weight) {
                if let goal = task.goals[linear], !goal.removesNothing {
                    solved.append(try solve(weight, goal))
                } else {
                    solved.append((weight, Tensor.full(weight.shape, 1, .bool, device: weight.device)))
                }
            }
            let mask = Tensor.concatenated(solved.map(\.mask))
            masks[name] = mask
            block[name] = projection.with(weight: Tensor.concatenated(solved.map(\.weight)))
            masked[name] = projection.with(weight: projection.weight * mask)
        }
        unoptimised = masked
    }
}
