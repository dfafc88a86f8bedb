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

    /// Attention at every shape that its units reach: key-value heads with their query heads go as wholes, and one query
    /// head of every group at a time. For each count of query heads in a group, from all to one, key-value heads go from
    /// all to none.
    ///
    /// - Parameter o: [hidden, heads · d] float32.
    /// - Returns: candidates by falling query heads per group, then falling groups; the empty one last.
    public static func heads(
        o: Tensor, hessian: DampedHessian, shape: LayerShape, headDimension: Int, usesGradient: Bool = false
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
        func candidate(_ state: BlockElimination, _ groups: [HeadGroup]) -> Candidate {
            Candidate(kept: .heads(groups), weight: state.weight.to(.float32), error: state.error)
        }
        var list: [Candidate] = []
        var empty: Candidate?
        for left in stride(from: perGroup, through: 1, by: -1) {
            list.append(candidate(state, groups))
            var (branch, remaining) = (state, groups)
            while !remaining.isEmpty {
                let costs = remaining.map { branch.cost(of: columns($0.queryHeads)) }
                let cheapest = costs.indices.min { costs[$0] < costs[$1] } ?? 0
                branch.remove(columns(remaining.remove(at: cheapest).queryHeads))
                if remaining.isEmpty {
                    empty = empty ?? candidate(branch, [])
                } else {
                    list.append(candidate(branch, remaining))
                }
            }
            guard left > 1 else { break }
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
