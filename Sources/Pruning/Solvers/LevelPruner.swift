import Decoders
import Faults
import Torch

/// Prunes single projections of one block to any goal from one pass of statistics, by a method's score or solver without
/// optimisation: what a search over sparsities compares.
public final class LevelPruner {
    public enum Rule: Sendable {
        /// |W|, in the whole matrix.
        case magnitude
        /// |W|·‖X‖₂, in each row.
        case wanda
        /// Chosen and made up for by `SparseGPT`.
        case sparsegpt
    }

    private let task: BlockTask
    private let rule: Rule
    private let statistics: InputStatistics?
    private var factors: [ProjectionName: SparseGPT.Factor] = [:]

    /// Gathers what the rule needs over all samples of the task's input.
    ///
    /// - Parameter task: its goals are not looked at.
    public init(_ task: BlockTask, rule: Rule) throws(Fault) {
        self.task = task
        self.rule = rule
        switch rule {
        case .magnitude: statistics = nil
        case .wanda: statistics = try task.statistics(of: task.block)
        case .sparsegpt: statistics = try task.statistics(of: task.block, gram: true)
        }
    }

    /// A projection's weight [rows, columns] with the linears that have a goal pruned.
    public func weight(_ name: ProjectionName, goals: Goals) throws(Fault) -> Tensor {
        let projection = task.block[name]
        switch rule {
        case .magnitude:
            let scores = Scores.magnitude(projection.weight)
            return projection.weight * projection.mask(scores: scores, goals: goals, group: .matrix)
        case .wanda:
            guard let statistics else { return projection.weight }
            let scores = Scores.wanda(projection.weight, squares: statistics.squares(name))
            return projection.weight * projection.mask(scores: scores, goals: goals, group: .row)
        case .sparsegpt:
            let factor = try factor(name)
            return Tensor.concatenated(
                projection.rows(of: projection.weight).map { linear, weight in
                    guard let goal = goals[linear], !goal.removesNothing else { return weight }
                    return SparseGPT.solve(weight, factor: factor, goal: goal).weight
                })
        }
    }

    private func factor(_ name: ProjectionName) throws(Fault) -> SparseGPT.Factor {
        if let known = factors[name] { return known }
        guard let gram = statistics?.grams[name],
            let factor = SparseGPT.factor(gram: gram, samples: task.input.samples)
        else { throw task.momentsNotInverted(name) }
        factors[name] = factor
        return factor
    }
}
