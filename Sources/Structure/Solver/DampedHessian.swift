import Torch

/// H = Σ x xᵀ + λI of a sub-layer's output matrix, with its inverse.
///
/// λ is 1 % of the mean diagonal, and grows tenfold up to three times where H has no Cholesky factor.
public struct DampedHessian {
    static let damping = 0.01

    /// [in, in] float64
    public let hessian: Tensor
    public let inverse: Tensor
    /// The share of the mean diagonal that was added.
    public let damping: Double

    /// - Parameter gram: Σ x xᵀ, [in, in].
    /// - Returns: nil when even the strongest damping does not help.
    public init?(gram: Tensor) {
        let wide = gram.to(.float64)
        let mean = wide.diagonal().mean().scalar
        guard mean.isFinite else { return nil }
        var share = DampedHessian.damping
        for _ in 0..<4 {
            let damped = wide.clone()
            // Inputs that are always zero still need a diagonal.
            let shift = mean > 0 ? share * mean : 1
            damped.diagonal().add(Tensor.full([damped.size(0)], shift, .float64, device: gram.device))
            if let inverse = damped.cholesky()?.choleskyInverse(), inverse.allFinite() {
                (self.hessian, self.inverse, self.damping) = (damped, inverse, share)
                return
            }
            share *= 10
        }
        return nil
    }
}
