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
        let statistics = try task.statistics(of: task.block, gram: true)
        var outcome = BlockOutcome(block: task.block, masks: [:])
        var masked = task.block
        for name in ProjectionName.allCases where task.hasGoal(name) {
            guard let gram = statistics.grams[name],
                let factor = SparseGPT.factor(gram: gram, samples: task.input.samples)
            else {
                throw Fault(
                    .badData, "the inputs' second moments cannot be inverted even with strong damping",
                    place: "block \(task.layer), inputs of \(name.rawValue)",
                    advice: "use more calibration text, or --method wanda")
            }
            if factor.damping > SparseGPT.damping {
                outcome.notes.append("block \(task.layer) \(name.rawValue): damping raised to \(factor.damping)")
            }
            let projection = task.block[name]
            let solved = projection.rows(of: projection.weight).map {
                linear, weight -> (weight: Tensor, mask: Tensor) in
                task.goals[linear].map { SparseGPT.solve(weight, factor: factor, goal: $0) }
                    ?? (weight, Tensor.full(weight.shape, 1, .bool))
            }
            let mask = Tensor.concatenated(solved.map(\.mask))
            outcome.masks[name] = mask
            outcome.block[name] = projection.with(weight: Tensor.concatenated(solved.map(\.weight)))
            masked[name] = projection.with(weight: projection.weight * mask)
        }
        outcome.unoptimised = masked
        return outcome
    }
}

/// The start of WANDA++: mask and weights of every linear by `AlternatingDirections`.
struct AlternatingDirectionsPruner: BlockPruner {
    let needsSamples = true
    let needsDenseStream = false

    func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        let statistics = try task.statistics(of: task.block, gram: true)
        var outcome = BlockOutcome(block: task.block, masks: [:])
        var masked = task.block
        for name in ProjectionName.allCases where task.hasGoal(name) {
            let projection = task.block[name]
            guard let gram = statistics.grams[name] else { continue }
            let moments = AlternatingDirections.Moments(gram: gram)
            var solved: [(weight: Tensor, mask: Tensor)] = []
            for (linear, weight) in projection.rows(of: projection.weight) {
                guard let goal = task.goals[linear] else {
                    solved.append((weight, Tensor.full(weight.shape, 1, .bool)))
                    continue
                }
                guard let result = AlternatingDirections.solve(weight, moments: moments, goal: goal) else {
                    throw Fault(
                        .badData, "the inputs' second moments are not numbers that can be inverted",
                        place: "block \(task.layer), \(linear.rawValue)",
                        advice: "use more calibration text, or --method wanda")
                }
                solved.append(result)
            }
            let mask = Tensor.concatenated(solved.map(\.mask))
            outcome.masks[name] = mask
            outcome.block[name] = projection.with(weight: Tensor.concatenated(solved.map(\.weight)))
            masked[name] = projection.with(weight: projection.weight * mask)
        }
        outcome.unoptimised = masked
        return outcome
    }
}

extension BlockOutcome {
    /// Masks every projection by a score of its weights, without changing what stays.
    init(pruning task: BlockTask, group: ComparisonGroup, score: (ProjectionName, Tensor) -> Tensor) {
        self.init(block: task.block, masks: [:])
        for name in ProjectionName.allCases where task.hasGoal(name) {
            let projection = task.block[name]
            let mask = projection.mask(scores: score(name, projection.weight), goals: task.goals, group: group)
            masks[name] = mask
            block[name] = projection.with(weight: projection.weight * mask)
        }
    }
}
