import Decoders
import Faults
import Torch

/// Removes the smallest weights; looks at no data.
public struct MagnitudePruner: BlockPruner {
    public init() {}
    public let needsSamples = false
    public let needsDenseStream = false

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        BlockOutcome(pruning: task, group: .matrix) { _, weight in Scores.magnitude(weight) }
    }
}

/// Wanda: weights whose product with their input's norm is small go; one pass, no update.
public struct WandaPruner: BlockPruner {
    public init() {}
    public let needsSamples = true
    public let needsDenseStream = false

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        let statistics = try task.statistics(of: task.block)
        return BlockOutcome(pruning: task, group: .row) { name, weight in
            Scores.wanda(weight, squares: statistics.squares(name))
        }
    }
}

/// SparseGPT in every linear, with one Cholesky factor for linears that share an input.
public struct SparseGPTPruner: BlockPruner {
    public init() {}
    public let needsSamples = true
    public let needsDenseStream = false

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        var notes: [String] = []
        var outcome = try BlockOutcome(solving: task) { name, gram throws(Fault) in
            guard let factor = SparseGPT.factor(gram: gram, samples: task.input.samples) else {
                throw task.momentsNotInverted(name)
            }
            if factor.damping > SparseGPT.damping {
                notes.append("block \(task.layer) \(name.rawValue): damping raised to \(factor.damping)")
            }
            return { weight, goal in SparseGPT.solve(weight, factor: factor, goal: goal) }
        }
        outcome.notes = notes
        return outcome
    }
}

/// The start of WANDA++: mask and weights of every linear by `AlternatingDirections`.
struct AlternatingDirectionsPruner: BlockPruner {
    let needsSamples = true
    let needsDenseStream = false

    func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        try BlockOutcome(solving: task) { name, gram throws(Fault) in
            let moments = AlternatingDirections.Moments(gram: gram)
            return { weight, goal throws(Fault) in
                guard let solved = AlternatingDirections.solve(weight, moments: moments, goal: goal) else {
                    throw task.momentsNotInverted(name)
                }
                return solved
            }
        }
    }
}

extension BlockTask {
    func momentsNotInverted(_ name: ProjectionName) -> Fault {
        Fault(
            .badData, "the inputs' second moments cannot be inverted even with damping",
            place: "block \(layer), inputs of \(name.rawValue)",
            advice: "use more calibration text, or --method wanda")
    }
}

/// Finds a linear's mask and weights together.
private typealias LinearSolver = (_ weight: Tensor, _ goal: Goal) throws(Fault) -> (weight: Tensor, mask: Tensor)

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
    fileprivate init(
        solving task: BlockTask, solver: (ProjectionName, Tensor) throws(Fault) -> LinearSolver
    ) throws(Fault) {
        let statistics = try task.statistics(of: task.block, gram: true)
        self.init(block: task.block, masks: [:])
        var masked = task.block
        for name in task.block.projections where task.hasGoal(name) {
            guard let gram = statistics.grams[name] else { continue }
            let projection = task.block[name]
            let solve = try solver(name, gram)
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
