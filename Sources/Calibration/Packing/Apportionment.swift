/// Divides a whole number by weights.
enum Apportionment {
    /// Shares of `total` in proportion to `weights`, which add up to it (largest remainder; among equal remainders the
    /// earlier one wins).
    static func shares(of total: Int, weights: [Double]) -> [Int] {
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return weights.map { _ in 0 } }
        let exact = weights.map { Double(total) * ($0 / sum) }
        var shares = exact.map { Int($0.rounded(.down)) }
        let byRemainder = exact.indices.sorted { left, right in
            let (a, b) = (exact[left] - exact[left].rounded(.down), exact[right] - exact[right].rounded(.down))
            return a != b ? a > b : left < right
        }
        var missing = total - shares.reduce(0, +)
        for index in byRemainder where missing > 0 {
            shares[index] += 1
            missing -= 1
        }
        return shares
    }
}
