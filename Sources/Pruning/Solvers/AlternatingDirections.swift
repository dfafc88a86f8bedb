import Files
import Torch

/// The mask and the weights of a linear found together by the alternating direction method of multipliers (ADMM), as
/// Meng et al. do it in *ALPS: Improved Optimization for Highly Sparse One-Shot Pruning for Large Language Models*,
/// arXiv 2406.07831.
///
/// The problem: minimise tr (Ŵ − D) H (Ŵ − D)ᵀ over D in the pattern, Ŵ the dense weight and H the second moments of
/// the inputs. A copy W carries the quadratic, D the pattern, V the multipliers of W = D:
///
///     W ← (Ŵ H − V + ρ D) (H + ρ I)⁻¹        D ← W + V / ρ where the pattern keeps it        V ← V + ρ (W − D)
///
/// with ρ growing as long as the mask still moves. SparseGPT decides from left to right and never looks back; here
/// every weight may come back while the others move. At last the weights under the mask that was found are refined by
/// conjugate gradients.
public enum AlternatingDirections {
    static let damping = 0.01
    static let iterations = 9
    /// ρ at the start, as a share of the diagonal, which is one for every input (see `Moments`).
    public static let firstPenalty = 0.5
    /// Iterations between two looks at the mask.
    static let period = 3
    static let refinements = 5
    /// Inverses that a solve takes at most, and products of the weight with a matrix [in, in].
    public static var inversions: Int { (iterations - 1) / period + 1 }
    public static var products: Int { 1 + iterations + 1 + refinements }

    /// The damped moments, scaled to a unit diagonal so that one ρ fits every input.
    public struct Moments {
        /// [in, in] float32: H_ij / sqrt(H_ii H_jj)
        let hessian: Tensor
        /// [in] float32: sqrt(H_jj)
        let scale: Tensor
        /// [in] bool: H_jj = 0; such an input's weights do nothing and go.
        let dead: Tensor

        public init(gram: Tensor) {
            Machine.returnFreedMemory(before: gram.byteCount)
            let damped = gram.clone()
            dead = gram.diagonal().isEqual(to: 0)
            damped.diagonal().add(dead.to(.float32))
            let share = AlternatingDirections.damping * damped.diagonal().mean().scalar
            damped.diagonal().add(Tensor.full([gram.size(0)], share, device: gram.device))
            scale = damped.diagonal().squareRoot()
            hessian = damped / scale / scale.reshaped([scale.count, 1])
        }
    }

    /// Prunes and compensates a weight. An unstructured mask compares the whole matrix: rows differ in what they can
    /// spare.
    ///
    /// - Parameter weight: [out, in] float32; not changed.
    /// - Returns: the new weight and its keep-mask; nil when the moments are not numbers.
    public static func solve(
        _ weight: Tensor, moments: Moments, goal: Goal
    ) -> (weight: Tensor, mask: Tensor)? {
        let hessian = moments.hessian
        let dense = Tensor.choose(moments.dead, Tensor.zeros([1], device: weight.device), weight) * moments.scale
        let target = dense.matmul(hessian)
        var keep = goal.mask(scores: dense.magnitude(), group: .matrix)
        var judged = keep
        var pruned = dense * keep
        let multipliers = Tensor.zeros(weight.shape, device: weight.device)
        let kept = keep.sum().scalar
        var penalty = firstPenalty
        var inverse: Tensor?
        for iteration in 1...iterations {
            let right = target - multipliers
            right.add(pruned, scale: penalty)
            // Made when it is needed, and gone before the next is made: square matrices are the largest here.
            if inverse == nil { inverse = shiftedInverse(moments, penalty) }
            guard let free = inverse.map(right.matmul) else { return nil }
            pruned = free.clone()
            pruned.add(multipliers, scale: 1 / penalty)
            keep = goal.mask(scores: pruned.magnitude(), group: .matrix)
            pruned.multiply(by: keep)
            free.add(pruned, scale: -1)
            multipliers.add(free, scale: penalty)
            guard iteration % period == 0, iteration < iterations else { continue }
            // Weights that changed places since the last look.
            let moved = (keep.to(.float32) - judged.to(.float32)).magnitude().sum().scalar / 2
            if moved == 0 { break }
            judged = keep
            penalty *= moved >= 0.1 * kept ? 1.3 : moved >= 0.005 * kept ? 1.2 : 1.1
            inverse = nil
        }
        let refined = refine(pruned, under: keep, target: target, hessian: hessian)
        guard refined.allFinite() else { return nil }
        return (refined / moments.scale, keep)
    }

    /// (H + ρ I)⁻¹; its condition is at most in / ρ, which float32 carries.
    public static func shiftedInverse(_ moments: Moments, _ shift: Double = firstPenalty) -> Tensor? {
        let hessian = moments.hessian
        Machine.returnFreedMemory(before: hessian.byteCount)
        let shifted = hessian.clone()
        shifted.diagonal().add(Tensor.full([hessian.size(0)], shift, device: hessian.device))
        return shifted.cholesky()?.choleskyInverse()
    }

    /// Conjugate gradients on D H = Ŵ H restricted to the kept weights, all rows at once.
    static func refine(
        _ start: Tensor, under keep: Tensor, target: Tensor, hessian: Tensor, steps: Int = refinements
    ) -> Tensor {
        let result = start.clone()
        let residual = (target - result.matmul(hessian)) * keep
        var direction = residual.clone()
        var norm = (residual * residual).sum(1, keep: true)
        for _ in 0..<steps {
            let image = direction.matmul(hessian) * keep
            let step = norm / ((direction * image).sum(1, keep: true) + 1e-30)
            result.addProduct(step, direction, scale: 1)
            residual.addProduct(step, image, scale: -1)
            let next = (residual * residual).sum(1, keep: true)
            direction = residual + direction * (next / (norm + 1e-30))
            norm = next
        }
        return result
    }
}
