import Faults
import Torch

/// SparseGPT (arXiv 2301.00774): columns are removed from left to right, and what each removal breaks in xWᵀ is made
/// up for by the columns that follow.
public enum SparseGPT {
    /// Columns that are compared and updated at once.
    public static let blockWidth = 128
    static let damping = 0.01

    /// The upper Cholesky factor U of H⁻¹ = UᵀU, which drives the recursion, and the inputs that never move.
    public struct Factor {
        /// [in, in] float32
        let upper: Tensor
        /// [in] bool: H_jj = 0
        let dead: Tensor
        /// The share of the mean diagonal that was added; more than `damping` when the matrix needed it.
        public let damping: Double
    }

    /// Factors H = (2/n)·Σ x xᵀ + λI with λ = 1 % of its mean diagonal; dead inputs get H_jj = 1. When the matrix is
    /// not positive definite, λ grows tenfold up to three times.
    ///
    /// - Returns: nil when even then it is not.
    public static func factor(gram: Tensor, samples: Int) -> Factor? {
        let hessian = gram * (2 / Double(samples))
        let dead = hessian.diagonal().isEqual(to: 0)
        hessian.diagonal().add(dead.to(.float32))
        let mean = hessian.diagonal().mean().scalar
        // The inverse of a factor of a matrix of condition 10⁶ keeps no digits in float32.
        let wide = hessian.to(.float64)
        var share = damping
        for _ in 0..<4 {
            let damped = wide.clone()
            damped.diagonal().add(Tensor.full([damped.size(0)], share * mean, .float64, device: gram.device))
            if let upper = damped.cholesky()?.choleskyInverse().cholesky(upper: true), upper.allFinite() {
                return Factor(upper: upper.to(.float32).contiguous(), dead: dead, damping: share)
            }
            share *= 10
        }
        return nil
    }

    /// Prunes and compensates a weight, choosing by w² / U_jj² (paper, eq. 4; §3.3 for K:M) on the way: among 128
    /// columns × all rows, or in every group of a K:M pattern.
    ///
    /// - Parameter weight: [out, in] float32; not changed.
    /// - Returns: the new weight and its keep-mask.
    public static func solve(_ weight: Tensor, factor: Factor, goal: Goal) -> (weight: Tensor, mask: Tensor) {
        let (rows, columns) = (weight.size(0), weight.size(1))
        let result = Tensor.choose(factor.dead, Tensor.zeros([1], device: weight.device), weight).contiguous()
        let kept = Tensor.full([rows, columns], 1, .bool, device: weight.device)
        var group = 0
        var keepOf = 0
        if case .keep(let keep, let size) = goal.pattern { (keepOf, group) = (keep, size) }
        let width = group > 0 ? max(group, blockWidth / group * group) : blockWidth
        for start in stride(from: 0, to: columns, by: width) {
            let count = min(width, columns - start)
            let part = result.narrowed(1, start, count).clone()
            let upper = factor.upper.narrowed(0, start, count)
            let inverse = upper.narrowed(1, start, count).clone()
            var keep = kept.narrowed(1, start, count).clone()
            if group == 0 {
                let diagonal = inverse.diagonal()
                let total = rows * count
                keep = (part * part / (diagonal * diagonal)).keepMask(total - goal.removed(of: total), of: total)
            }
            let errors = Tensor.zeros([rows, count], device: weight.device)
            part.sparseGPTBlock(inverse: inverse, keep: keep, keepOf: keepOf, group: group, errors: errors)
            result.narrowed(1, start, count).copy(from: part)
            kept.narrowed(1, start, count).copy(from: keep)
            let rest = columns - start - count
            if rest > 0 {
                result.narrowed(1, start + count, rest)
                    .addMatmul(errors, upper.narrowed(1, start + count, rest), alpha: -1)
            }
        }
        return (result, kept)
    }
}
