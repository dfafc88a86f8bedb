import Torch

extension Tensor {
    /// Σ_v p(v) · (ln p(v) − ln q(v)) of every row, in nats.
    ///
    /// - Parameters:
    ///   - dense: ln p, [n, vocabulary] float32
    ///   - pruned: ln q, the same shape
    /// - Returns: [n]
    public static func divergence(dense: Tensor, pruned: Tensor) -> Tensor {
        let weighted = dense - pruned
        weighted.multiply(by: dense.exponential())
        return weighted.sum(1)
    }
}
