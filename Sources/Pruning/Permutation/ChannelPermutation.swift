import Randomness
import Torch

/// An order of a matrix's columns for a K:M pattern, in which the weights that matter do not have to leave because
/// their neighbours matter, too (Pool & Yu, *Channel Permutations for N:M Sparsity*, NeurIPS 2021).
///
/// Kept is, in every row, the sum of the K highest scores of each group of M columns. The search begins with columns
/// dealt out by their sums, so that every group has some of each kind, and then lets groups exchange one member each,
/// all at once, by a linear sum assignment (Zhang et al., *Plug-and-Play: An Efficient Post-training Pruning Method for
/// Large Language Models*, ICLR 2024): a member of score s joins a group whose K-th highest other score is t for a gain
/// of Σ_rows max(0, s − t).
public enum ChannelPermutation {
    /// How often every member of every group may be exchanged.
    static let sweeps = 4
    /// Groups among which members are exchanged; more are divided by chance, anew in every sweep.
    static let together = 128
    /// A sweep that gains less than this share of what is kept is the last.
    static let least = 1e-4

    /// Samples whose inputs tell what weighs how much.
    public static func judged(of samples: Int) -> [Int] {
        let count = min(samples, 16)
        return (0..<count).map { $0 * samples / count }
    }

    /// Rows of a matrix, or of what reads the residual stream, that a search looks at.
    public static let judgedRows = 1024

    /// Of the searches for one block's orders; a comparison and an addition for every pair.
    static func operations(_ size: BlockSize) -> Double {
        let widest = size.linears.map(\.in).max() ?? 0
        return Double(2 * sweeps * min(judgedRows, size.hidden)) * Double(widest) * Double(min(together, widest))
    }

    /// - Parameters:
    ///   - scores: [rows, n] float32, not negative: what each weight's loss would cost.
    ///   - keep: of every `group` consecutive columns of a row, which divide n.
    ///   - seed: of the division of groups.
    /// - Returns: the old place of every column, and the kept sums of the old order and of this one; the old order where
    ///   none is found that keeps more.
    public static func order(
        _ scores: Tensor, keep: Int, of group: Int, seed: UInt64
    ) -> (order: [Int], before: Double, after: Double) {
        let columns = scores.size(1)
        let scores = scores.to(.cpu).contiguous()
        let identity = Array(0..<columns)
        let before = kept(scores, identity, keep, group)
        // Sums beyond what float32 holds compare with nothing.
        guard keep > 0, keep < group, columns > group, before.isFinite else { return (identity, before, before) }
        var groups = dealt(scores.sum(0).floats(), among: columns / group)
        var generator = SplitMix64(seed: seed)
        for _ in 0..<sweeps {
            var gained = 0.0
            let shuffled = generator.permutation(groups.count)
            for start in stride(from: 0, to: groups.count, by: together) {
                let part = Array(shuffled[start..<min(start + together, groups.count)])
                for member in 0..<group { gained += exchange(member, of: part, in: &groups, scores, keep) }
            }
            if gained < least * before { break }
        }
        let order = groups.flatMap { $0 }
        let after = kept(scores, order, keep, group)
        return after > before ? (order, before, after) : (identity, before, before)
    }

    /// Groups that get one column after the other, from the highest sum down.
    static func dealt(_ sums: [Float], among count: Int) -> [[Int]] {
        let ranked = sums.indices.sorted { sums[$0] == sums[$1] ? $0 < $1 : sums[$0] > sums[$1] }
        return (0..<count).map { group in stride(from: group, to: ranked.count, by: count).map { ranked[$0] } }
    }

    /// Exchanges the members of one number among some groups for the highest gain, which it returns.
    private static func exchange(
        _ member: Int, of part: [Int], in groups: inout [[Int]], _ scores: Tensor, _ keep: Int
    ) -> Double {
        let gains = scores.exchangeGains(part.map { groups[$0] }, keep: keep, member: member)
        let chosen = assignment(highest: gains, part.count)
        let members = part.map { groups[$0][member] }
        var gained = 0.0
        for (place, other) in chosen.enumerated() {
            gained += Double(gains[other * part.count + place]) - Double(gains[place * part.count + place])
            groups[part[place]][member] = members[other]
        }
        return gained
    }

    /// Σ of the `keep` highest scores of every group and row.
    static func kept(_ scores: Tensor, _ order: [Int], _ keep: Int, _ group: Int) -> Double {
        let ordered = scores.selected(Tensor(order.map(Int64.init)), dimension: 1).contiguous()
        return (ordered * ordered.keepMask(keep, of: group)).sum().scalar
    }
}
