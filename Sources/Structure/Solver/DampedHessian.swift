import Torch

/// H = Σ x xᵀ + λI of a sub-layer's output matrix, with its inverse.
///
/// λ is 1 % of the mean diagonal, and grows tenfold up to three times where H has no Cholesky factor.
///
/// Of the square matrices only the inverse is held beside what was given: for a wide MLP each is gigabytes.
public struct DampedHessian {
    static let damping = 0.01

    /// [in, in] float64
    public let inverse: Tensor
    /// The share of the mean diagonal that was added.
    public let damping: Double
    private let gram: Tensor
    private let shift: Double

    /// - Parameter gram: Σ x xᵀ, [in, in]; held, and not changed.
    /// - Returns: nil when even the strongest damping does not help.
    public init?(gram: Tensor) {
        let mean = gram.diagonal().to(.float64).mean().scalar
        guard mean.isFinite else { return nil }
        var share = DampedHessian.damping
        for _ in 0..<4 {
            // Inputs that are always zero still need a diagonal.
            let shift = mean > 0 ? share * mean : 1
            let factor = DampedHessian.damped(gram, shift).cholesky()
            if let inverse = factor?.choleskyInverse(), inverse.allFinite() {
                (self.gram, self.shift, self.inverse, self.damping) = (gram, shift, inverse, share)
                return
            }
            share *= 10
        }
        return nil
    }

    /// H, [in, in] float64, made when asked for.
    public var hessian: Tensor { DampedHessian.damped(gram, shift) }

    private static func damped(_ gram: Tensor, _ shift: Double) -> Tensor {
        let damped = gram.dtype == .float64 ? gram.clone() : gram.to(.float64)
        damped.diagonal().add(Tensor.full([damped.size(0)], shift, .float64, device: gram.device))
        return damped
    }
}
