import Decoders
import Torch

/// All candidates of a sub-layer from one pass of eliminations.
public enum SubLayerSolver {
    /// The MLP at some widths.
    ///
    /// - Parameters:
    ///   - down: [hidden, width] float32.
    ///   - widths: neurons that stay.
    ///   - usesGradient: whether the paper's gradient term has a say in what goes.
    /// - Returns: a candidate for each width, in the order of `widths`.
    public static func neurons(
        down: Tensor, hessian: DampedHessian, widths: [Int], usesGradient: Bool = false
    ) -> [Candidate] {
        let elimination = NeuronElimination(weight: down, hessian: hessian, usesGradient: usesGradient)
        var found: [Int: Candidate] = [:]
        for width in Set(widths).sorted(by: >) {
            let left = elimination.reduce(to: width)
            found[width] = Candidate(kept: .neurons(left.columns), weight: left.weight, error: elimination.error)
        }
        return widths.compactMap { found[$0] }
    }

    /// Attention at every shape that its units reach: key-value heads with their query heads go as wholes, and one
    /// query head of every group at a time. For each count of query heads in a group, from all to one, key-value heads
    /// go from all to none.
    ///
    /// - Parameters:
    ///   - o: [hidden, heads · d] float32.
    ///   - wanted: the one shape that is asked for, by its heads; nil is all.
    /// - Returns: candidates by falling query heads per group, then falling groups; the empty one last.
    public static func heads(
        o: Tensor, hessian: DampedHessian, shape: LayerShape, headDimension: Int, usesGradient: Bool = false,
        only wanted: LayerShape? = nil
    ) -> [Candidate] {
        guard shape.hasAttention else { return [] }
        let perGroup = shape.headCount / shape.keyValueHeadCount
        var state = BlockElimination(weight: o, hessian: hessian, usesGradient: usesGradient)
        var groups = (0..<shape.keyValueHeadCount).map { group in
            HeadGroup(keyValueHead: group, queryHeads: Array(group * perGroup..<(group + 1) * perGroup))
        }
        func columns(_ heads: [Int]) -> [Int] {
            heads.flatMap { Array($0 * headDimension..<($0 + 1) * headDimension) }
        }
        var list: [Candidate] = []
        var empty: Candidate?
        func take(_ state: BlockElimination, _ groups: [HeadGroup]) {
            let heads = groups.reduce(0) { $0 + $1.queryHeads.count }
            guard wanted.map({ $0.keyValueHeadCount == groups.count && $0.headCount == heads }) ?? true else { return }
            let found = Candidate(kept: .heads(groups), weight: state.weight.to(.float32), error: state.error)
            if groups.isEmpty { empty = empty ?? found } else { list.append(found) }
        }
        // Query heads that a group has left in the shape that is asked for; without any the first branch leads there.
        let last = wanted.map { $0.hasAttention ? $0.headCount / $0.keyValueHeadCount : perGroup } ?? 1
        for left in stride(from: perGroup, through: last, by: -1) {
            take(state, groups)
            var (branch, remaining) = (state, groups)
            let least = wanted.map { left == last ? $0.keyValueHeadCount : remaining.count } ?? 0
            while remaining.count > least {
                let costs = remaining.map { branch.cost(of: columns($0.queryHeads)) }
                let cheapest = costs.indices.min { costs[$0] < costs[$1] } ?? 0
                branch.remove(columns(remaining.remove(at: cheapest).queryHeads))
                take(branch, remaining)
            }
            guard left > last else { break }
            var unit: [Int] = []
            for group in groups.indices {
                let heads = groups[group].queryHeads
                let costs = heads.map { state.cost(of: columns([$0])) }
                let cheapest = costs.indices.min { costs[$0] < costs[$1] } ?? 0
                unit.append(groups[group].queryHeads.remove(at: cheapest))
            }
            state.remove(columns(unit))
        }
        return list + (empty.map { [$0] } ?? [])
    }
}
